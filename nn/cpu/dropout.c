/* Dropout and stochastic depth. What is dropped follows from the step, so that nothing is kept for backward. */
#include "nn/cpu/onednn/primitive.h"

static int prepare_dropout(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    op->share_data = 0;
    op->share_grad = 0;
    return 0;
}

static int prepare_rows(struct plan *plan, struct op *op, struct err *err)
{
    struct layout layout;
    op->share_data = 0;
    op->share_grad = 0;
    return layout_of_value(plan, op->in[0], &layout, err) || layout_to_value(plan, op->out, &layout, err) ? -1 : 0;
}

/* to = from times the factors, added to what is there if `accumulate`. Each factor holds for `each` floats. */
static void multiply(const struct plan *plan, const struct op *op, const float *from, float *to, bool accumulate)
{
    const struct value *v = &plan->values[op->out];
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
    multiply(plan, op, value_data(plan, op->in[0]), value_data(plan, op->out), false);
    return 0;
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    if (op->wants_grad[0])
        multiply(plan, op, value_grad(plan, op->out), value_grad(plan, op->in[0]), op->accumulate[0]);
    return 0;
}

/* Counts its floats in the canonical order, so that both backends drop the same. */
const struct op_functions onednn_dropout = {
    .canonical = true,
    .prepare = prepare_dropout,
    .forward = forward,
    .backward = backward,
};

const struct op_functions onednn_stochastic_depth = {
    .prepare = prepare_rows,
    .forward = forward,
    .backward = backward,
};
