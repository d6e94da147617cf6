/* The fully connected layer: y (N, O) = x (N, I) W^T + b, W (O, I). Sums in double: it is small. */
#include "ops.h"

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    op->keep_in[0] = true;
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    size_t batch = (size_t)plan->values[op->in[0]].n, inputs = (size_t)plan->values[op->in[0]].c;
    size_t outputs = (size_t)plan->values[op->out].c;
    const float *x = value_data(plan, op->in[0]);
    const float *weight = param_value(plan, op->layer->weight), *bias = param_value(plan, op->layer->bias);
    float *y = value_data(plan, op->out);
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
    size_t batch = (size_t)plan->values[op->in[0]].n, inputs = (size_t)plan->values[op->in[0]].c;
    size_t outputs = (size_t)plan->values[op->out].c;
    const float *x = value_data(plan, op->in[0]), *dy = value_grad(plan, op->out);
    const float *weight = param_value(plan, op->layer->weight);
    float *dweight = param_grad(plan, op->layer->weight), *dbias = param_grad(plan, op->layer->bias);
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
    if (!op->wants_grad[0])
        return 0;
    float *dx = value_grad(plan, op->in[0]);
    for (size_t n = 0; n < batch; n++)
        for (size_t i = 0; i < inputs; i++) {
            double sum = op->accumulate[0] ? dx[n * inputs + i] : 0;
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
