/* Dropout (Srivastava et al. 2014), number by number, and stochastic depth (Huang et al. 2016), image by image. What is
 * dropped follows from the step, so that nothing is kept for backward. */
#include "ops.h"

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    op->share_data = 0;
    op->share_grad = 0;
    return 0;
}

/* to = from times the factors, added to what is there if `accumulate`. Each factor holds for `each` floats. */
static void multiply(const struct plan *plan, const struct op *op, const float *from, float *to, bool accumulate)
{
    size_t count = value_count(plan, op->out);
    size_t each = op->kind == OP_STOCHASTIC_DEPTH ? count / (size_t)plan->values[op->out].n : 1;
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

const struct op_functions reference_drop = {
    .canonical = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
