/* ReLU. Its gradient follows from its output, so that it can work in place. */
#include "reference.h"

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    op->keep_out = true;
    op->share_data = 0;
    op->share_grad = 0;
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const float *in = value_data(plan, op->in[0]);
    float *out = value_data(plan, op->out);
    size_t count = value_count(plan, op->out);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++)
        out[i] = in[i] < 0 ? 0 : in[i]; /* a NaN stays one */
    return 0;
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    if (!op->wants_grad[0])
        return 0;
    const float *out = value_data(plan, op->out), *dout = value_grad(plan, op->out);
    float *din = value_grad(plan, op->in[0]);
    size_t count = value_count(plan, op->out);
    bool accumulate = op->accumulate[0];
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++) {
        float gradient = out[i] > 0 ? dout[i] : 0;
        din[i] = accumulate ? din[i] + gradient : gradient;
    }
    return 0;
}

const struct op_functions reference_relu = {
    .canonical = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
