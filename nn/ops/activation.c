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
    case ACTIVATION_RELU: return x < 0 ? 0 : x; /* a NaN stays one */
    case ACTIVATION_RELU6: return x < 0 ? 0 : x > 6 ? 6 : x;
    case ACTIVATION_SILU: return x * sigmoid(x);
    case ACTIVATION_SIGMOID: return sigmoid(x);
    default: return x;
    }
}

/* The slope where the input was `in` (SiLU) and the output `out` (the others). */
static float slope(enum activation activation, float in, float out)
{
    switch (activation) {
    case ACTIVATION_RELU: return out > 0;
    case ACTIVATION_RELU6: return out > 0 && out < 6;
    case ACTIVATION_SILU: return sigmoid(in) * (1 + in * (1 - sigmoid(in)));
    case ACTIVATION_SIGMOID: return out * (1 - out);
    default: return 1;
    }
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    bool by_input = op->stages[0].activation == ACTIVATION_SILU;
    op->keep_in[IN_DATA] = by_input;
    op->keep_out = !by_input;
    op->share_data = by_input ? -1 : IN_DATA;
    op->share_grad = IN_DATA;
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const float *in = op_input_data(plan, op, IN_DATA);
    float *out = op_result_data(plan, op);
    size_t count = value_count(op_result(plan, op));
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++)
        out[i] = activate(op->stages[0].activation, in[i]);
    return 0;
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    if (!op->wants_grad[IN_DATA])
        return 0;
    /* Of input and output only the kept one still holds this op's floats. */
    const float *in = op->keep_in[IN_DATA] ? op_input_data(plan, op, IN_DATA) : NULL;
    const float *out = op->keep_out ? op_result_data(plan, op) : NULL;
    const float *dout = op_result_grad(plan, op);
    float *din = op_input_grad(plan, op, IN_DATA);
    size_t count = value_count(op_result(plan, op));
    bool accumulate = op->accumulate[IN_DATA];
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++) {
        float gradient = dout[i] * slope(op->stages[0].activation, in ? in[i] : 0, out ? out[i] : 0);
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
