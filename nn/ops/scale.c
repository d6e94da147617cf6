/* Squeeze-and-excitation's scale: each plane of (N, C, H, W) times a number of its own (N, C, 1, 1). */
#include "ops.h"

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    op->keep_in[IN_DATA] = op->keep_in[IN_SCALE] = true;
    op->share_grad = IN_DATA;
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct value *v = op_result(plan, op);
    const float *in = op_input_data(plan, op, IN_DATA), *scale = op_input_data(plan, op, IN_SCALE);
    float *out = op_result_data(plan, op);
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
    const struct value *v = op_result(plan, op);
    const float *in = op_input_data(plan, op, IN_DATA), *scale = op_input_data(plan, op, IN_SCALE);
    const float *dout = op_result_grad(plan, op);
    float *din = op->wants_grad[IN_DATA] ? op_input_grad(plan, op, IN_DATA) : NULL;
    float *dscale = op->wants_grad[IN_SCALE] ? op_input_grad(plan, op, IN_SCALE) : NULL;
    size_t planes = (size_t)v->n * (size_t)v->c, plane = (size_t)v->h * (size_t)v->w;
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < planes; p++) {
        double sum = 0;
        for (size_t i = p * plane; i < (p + 1) * plane; i++) {
            float gradient = dout[i]; /* din may lie where dout does */
            sum += (double)gradient * in[i];
            if (din)
                din[i] = op->accumulate[IN_DATA] ? din[i] + gradient * scale[p] : gradient * scale[p];
        }
        if (dscale)
            dscale[p] = op->accumulate[IN_SCALE] ? dscale[p] + (float)sum : (float)sum;
    }
    return 0;
}

const struct op_functions reference_scale = {
    .canonical = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
