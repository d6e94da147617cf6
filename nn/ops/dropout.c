/* Dropout (Srivastava et al. 2014), number by number, and stochastic depth (Huang et al. 2016), image by image. What is
 * dropped follows from the step, so that nothing is kept for backward. */
#include "ops.h"

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    op->share_data = IN_DATA;
    op->share_grad = IN_DATA;
    return 0;
}

/* to = from times the factors, added to what is there if `accumulate`. Each factor holds for `each` floats. */
static void multiply(const struct plan *plan, const struct op *op, const float *from, float *to, bool accumulate)
{
    size_t count = value_count(op_result(plan, op));
    size_t each = op->kind == OP_STOCHASTIC_DEPTH ? count / (size_t)op_result(plan, op)->n : 1;
#pragma omp parallel for schedule(static)
    for (size_t k = 0; k < count / each; k++) {
        float factor = drop_factor(plan, op, k);
        for (size_t i = k * each; i < (k + 1) * each; i++)
            to[i] = accumulate ? to[i] + from[i] * factor : from[i] * factor;
    }
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    multiply(plan, op, op_input_data(plan, op, IN_DATA), op_result_data(plan, op), false);
    return 0;
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    if (op->wants_grad[IN_DATA])
        multiply(plan, op, op_result_grad(plan, op), op_input_grad(plan, op, IN_DATA), op->accumulate[IN_DATA]);
    return 0;
}

const struct op_functions reference_drop = {
    .canonical = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
