/* The activations. The gradients of ReLU, ReLU6 and sigmoid follow from the output, that of SiLU from the input; all
 * but SiLU can therefore work in place. */
#include <math.h>

#include "ops.h"

static float sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

static float activate(enum activation activation, float x)
{
    switch (activation) {
    case ACTIVATION_RELU:
        return x < 0 ? 0 : x; /* a NaN stays one */
    case ACTIVATION_RELU6:
        return x < 0 ? 0 : x > 6 ? 6 : x;
    case ACTIVATION_SILU:
        return x * sigmoid(x);
    case ACTIVATION_SIGMOID:
        return sigmoid(x);
    default:
        return x;
    }
}

/* The slope where the input was `in` (SiLU) and the output `out` (the others). */
static float slope(enum activation activation, float in, float out)
{
    switch (activation) {
    case ACTIVATION_RELU:
        return out > 0;
    case ACTIVATION_RELU6:
        return out > 0 && out < 6;
    case ACTIVATION_SILU:
        return sigmoid(in) * (1 + in * (1 - sigmoid(in)));
    case ACTIVATION_SIGMOID:
        return out * (1 - out);
    default:
        return 1;
    }
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    bool by_input = op->activation == ACTIVATION_SILU;
    op->keep_in[0] = by_input;
    op->keep_out = !by_input;
    op->share_data = by_input ? -1 : 0;
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
        out[i] = activate(op->activation, in[i]);
    return 0;
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    if (!op->wants_grad[0])
        return 0;
    /* Of input and output only the kept one still holds this op's floats. */
    const float *in = op->keep_in[0] ? value_data(plan, op->in[0]) : NULL;
    const float *out = op->keep_out ? value_data(plan, op->out) : NULL;
    const float *dout = value_grad(plan, op->out);
    float *din = value_grad(plan, op->in[0]);
    size_t count = value_count(plan, op->out);
    bool accumulate = op->accumulate[0];
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++) {
        float gradient = dout[i] * slope(op->activation, in ? in[i] : 0, out ? out[i] : 0);
        din[i] = accumulate ? din[i] + gradient : gradient;
    }
    return 0;
}

const struct op_functions reference_activation = {
    .canonical = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
