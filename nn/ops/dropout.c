/* Dropout (Srivastava et al. 2014), number by number, and stochastic depth (Huang et al. 2016), image by image. What is
 * dropped follows from the step, so that nothing is kept for backward. Image by image it works in any layout that lays
 * one image behind another. */
#include "ops.h"

int drop_prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    op->share_data = IN_DATA;
    op->share_grad = IN_DATA;
    return 0;
}

/* to = from times the factors, added to what is there if `accumulate`. Each factor holds for `each` floats. */
static void multiply(const struct plan *plan, const struct op *op, const float *from, float *to, bool accumulate)
{
    const struct value *v = op_result(plan, op);
    size_t count = v->bytes / sizeof *to, each = op->kind == OP_STOCHASTIC_DEPTH ? count / (size_t)v->n : 1;
#pragma omp parallel for schedule(static)
    for (size_t k = 0; k < count / each; k++) {
        float factor = drop_factor(plan, op, k);
        if (accumulate) {
#pragma omp simd
            for (size_t i = k * each; i < (k + 1) * each; i++)
                to[i] += from[i] * factor;
        } else {
#pragma omp simd
            for (size_t i = k * each; i < (k + 1) * each; i++)
                to[i] = from[i] * factor;
        }
    }
}

int drop_forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    multiply(plan, op, op_input_data(plan, op, IN_DATA), op_result_data(plan, op), false);
    return 0;
}

int drop_backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    if (op->wants_grad[IN_DATA])
        multiply(plan, op, op_result_grad(plan, op), op_input_grad(plan, op, IN_DATA), op->accumulate[IN_DATA]);
    return 0;
}

const struct op_functions reference_drop = {
    .canonical = true,
    .prepare = drop_prepare,
    .forward = drop_forward,
    .backward = drop_backward,
};
