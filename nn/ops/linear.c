/* The fully connected layer: y (N, O) = x (N, I) W^T + b, W (O, I). Sums in double: it is small. */
#include "ops.h"

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    op->keep_in[IN_DATA] = true;
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    size_t batch = (size_t)op_input(plan, op, IN_DATA)->n, inputs = (size_t)op_input(plan, op, IN_DATA)->c;
    size_t outputs = (size_t)op_result(plan, op)->c;
    const float *x = op_input_data(plan, op, IN_DATA);
    const float *weight = param_value(plan, op_layer(op)->weight), *bias = param_value(plan, op_layer(op)->bias);
    float *y = op_result_data(plan, op);
    for (size_t n = 0; n < batch; n++)
        for (size_t o = 0; o < outputs; o++) {
            double sum = bias[o];
            for (size_t i = 0; i < inputs; i++)
                sum += (double)x[n * inputs + i] * weight[o * inputs + i];
            y[n * outputs + o] = (float)sum;
        }
    return 0;
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    size_t batch = (size_t)op_input(plan, op, IN_DATA)->n, inputs = (size_t)op_input(plan, op, IN_DATA)->c;
    size_t outputs = (size_t)op_result(plan, op)->c;
    const float *x = op_input_data(plan, op, IN_DATA), *dy = op_result_grad(plan, op);
    const float *weight = param_value(plan, op_layer(op)->weight);
    float *dweight = param_grad(plan, op_layer(op)->weight), *dbias = param_grad(plan, op_layer(op)->bias);
    for (size_t o = 0; o < outputs; o++) {
        double sum = 0;
        for (size_t n = 0; n < batch; n++)
            sum += dy[n * outputs + o];
        dbias[o] = (float)sum;
        for (size_t i = 0; i < inputs; i++) {
            double product = 0;
            for (size_t n = 0; n < batch; n++)
                product += (double)dy[n * outputs + o] * x[n * inputs + i];
            dweight[o * inputs + i] = (float)product;
        }
    }
    if (!op->wants_grad[IN_DATA])
        return 0;
    float *dx = op_input_grad(plan, op, IN_DATA);
    for (size_t n = 0; n < batch; n++)
        for (size_t i = 0; i < inputs; i++) {
            double sum = op->accumulate[IN_DATA] ? dx[n * inputs + i] : 0;
            for (size_t o = 0; o < outputs; o++)
                sum += (double)dy[n * outputs + o] * weight[o * inputs + i];
            dx[n * inputs + i] = (float)sum;
        }
    return 0;
}

const struct op_functions reference_linear = {
    .canonical = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
