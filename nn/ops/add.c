/* The sum of two values, in place of the first where nobody else needs that. */
#include <assert.h>

#include "ops.h"

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    assert(!op->activation);
    op->share_data = 0;
    op->share_grad = 0;
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const float *a = value_data(plan, op->in[0]), *b = value_data(plan, op->in[1]);
    float *out = value_data(plan, op->out);
    size_t count = value_count(plan, op->out);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++)
        out[i] = a[i] + b[i];
    return 0;
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const float *dout = value_grad(plan, op->out);
    size_t count = value_count(plan, op->out);
    for (int j = 0; j < 2; j++) {
        if (!op->wants_grad[j] || (op->grad_shared && j == op->share_grad))
            continue; /* shared: it is there already */
        float *din = value_grad(plan, op->in[j]);
        bool accumulate = op->accumulate[j];
#pragma omp parallel for schedule(static)
        for (size_t i = 0; i < count; i++)
            din[i] = accumulate ? din[i] + dout[i] : dout[i];
    }
    return 0;
}

const struct op_functions reference_add = {
    .canonical = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
