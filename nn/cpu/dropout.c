/* Dropout and stochastic depth. What is dropped follows from the step, so that nothing is kept for backward. */
#include "nn/cpu/onednn/layout.h"
#include "ops.h"

static int prepare_dropout(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    op->share_data = IN_DATA;
    op->share_grad = IN_DATA;
    return 0;
}

static int prepare_rows(struct plan *plan, struct op *op, struct err *err)
{
    struct layout layout;
    op->share_data = IN_DATA;
    op->share_grad = IN_DATA;
    if (layout_of_value(plan, op->in[IN_DATA], &layout, err))
        return -1;
    return layout_to_value(plan, op->out[OUT_RESULT], &layout, err);
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

/* Counts its floats in the canonical order, so that both backends drop the same. */
const struct op_functions cpu_dropout = {
    .canonical = true,
    .prepare = prepare_dropout,
    .forward = forward,
    .backward = backward,
};

const struct op_functions cpu_stochastic_depth = {
    .prepare = prepare_rows,
    .forward = forward,
    .backward = backward,
};
