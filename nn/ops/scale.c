/* Squeeze-and-excitation's scale: each plane of (N, C, H, W) times a number of its own (N, C, 1, 1). */
#include "ops.h"

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    op->keep_in[0] = op->keep_in[1] = true;
    op->share_grad = 0;
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct value *v = &plan->values[op->out];
    const float *in = value_data(plan, op->in[0]), *scale = value_data(plan, op->in[1]);
    float *out = value_data(plan, op->out);
    size_t planes = (size_t)v->n * (size_t)v->c, plane = (size_t)v->h * (size_t)v->w;
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < planes; p++)
        for (size_t i = p * plane; i < (p + 1) * plane; i++)
            out[i] = in[i] * scale[p];
    return 0;
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct value *v = &plan->values[op->out];
    const float *in = value_data(plan, op->in[0]), *scale = value_data(plan, op->in[1]);
    const float *dout = value_grad(plan, op->out);
    float *din = op->wants_grad[0] ? value_grad(plan, op->in[0]) : NULL;
    float *dscale = op->wants_grad[1] ? value_grad(plan, op->in[1]) : NULL;
    size_t planes = (size_t)v->n * (size_t)v->c, plane = (size_t)v->h * (size_t)v->w;
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < planes; p++) {
        double sum = 0;
        for (size_t i = p * plane; i < (p + 1) * plane; i++) {
            float gradient = dout[i]; /* din may lie where dout does */
            sum += (double)gradient * in[i];
            if (din)
                din[i] = op->accumulate[0] ? din[i] + gradient * scale[p] : gradient * scale[p];
        }
        if (dscale)
            dscale[p] = op->accumulate[1] ? dscale[p] + (float)sum : (float)sum;
    }
    return 0;
}

const struct op_functions reference_scale = {
    .canonical = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
