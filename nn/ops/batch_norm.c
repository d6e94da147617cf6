/* Batch normalisation: Ioffe and Szegedy 2015.
 *
 * Training normalises with the batch's mean and (biased) variance and moves the running ones towards them, the variance
 * unbiased, as PyTorch does. Evaluation uses the running ones. */
#include <math.h>

#include "ops.h"

/* What forward saves for backward, by channel. */
struct moments {
    float *mean, *inverse; /* (C) each; inverse = 1 / sqrt(var + eps) */
};

static struct moments saved_moments(const struct plan *plan, const struct op *op)
{
    float *saved = op_saved(plan, op);
    return (struct moments){ saved, saved + op_result(plan, op)->c };
}

/* Mean and biased variance of channel c over batch and plane, in two passes: no difference of large squares. */
static void measure(const struct value *v, const float *in, int c, double *mean, double *variance)
{
    size_t plane = (size_t)v->h * (size_t)v->w, images = (size_t)v->n, stride = (size_t)v->c * plane;
    in += (size_t)c * plane;
    double sum = 0, squares = 0;
    for (size_t n = 0; n < images; n++)
        for (size_t i = 0; i < plane; i++)
            sum += in[n * stride + i];
    *mean = sum / (double)(images * plane);
    for (size_t n = 0; n < images; n++)
        for (size_t i = 0; i < plane; i++) {
            double difference = in[n * stride + i] - *mean;
            squares += difference * difference;
        }
    *variance = squares / (double)(images * plane);
}

/* Channel c of out = (in - mean) * inverse * gamma + beta */
static void normalise(const struct value *v, const float *in, float *out, int c, float mean, float factor, float beta)
{
    size_t plane = (size_t)v->h * (size_t)v->w;
    for (size_t n = 0; n < (size_t)v->n; n++) {
        size_t start = (n * (size_t)v->c + (size_t)c) * plane;
        for (size_t i = start; i < start + plane; i++)
            out[i] = (in[i] - mean) * factor + beta;
    }
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct value *v = op_input(plan, op, IN_DATA);
    const struct layer *layer = op_layer(op);
    const float *in = op_input_data(plan, op, IN_DATA);
    const float *gamma = param_value(plan, layer->weight), *beta = param_value(plan, layer->bias);
    float *running_mean = param_value(plan, layer->mean), *running_var = param_value(plan, layer->var);
    float *out = op_result_data(plan, op);
    bool training = op->trains;
    double count = (double)v->n * v->h * v->w;
    struct moments moments = training ? saved_moments(plan, op) : (struct moments){ NULL, NULL };
#pragma omp parallel for schedule(static)
    for (int c = 0; c < v->c; c++) {
        double mean = running_mean[c], variance = running_var[c];
        if (training) {
            measure(v, in, c, &mean, &variance);
            running_mean[c] += layer->momentum * ((float)mean - running_mean[c]);
            running_var[c] += layer->momentum * ((float)(variance * count / (count - 1)) - running_var[c]);
        }
        float inverse = (float)(1 / sqrt(variance + layer->eps));
        if (training) {
            moments.mean[c] = (float)mean;
            moments.inverse[c] = inverse;
        }
        normalise(v, in, out, c, (float)mean, inverse * gamma[c], beta[c]);
    }
    if (training)
        plan->weights->tracked[plan->net->params[layer->tracked].offset]++;
    return 0;
}

/* With x' the normalised input and m the number of values a channel:
 * dbeta = sum dy, dgamma = sum dy x', dx = gamma inverse (dy - dbeta/m - x' dgamma/m). */
static int backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct value *v = op_input(plan, op, IN_DATA);
    const float *in = op_input_data(plan, op, IN_DATA), *dout = op_result_grad(plan, op);
    const float *gamma = param_value(plan, op_layer(op)->weight);
    float *dgamma = param_grad(plan, op_layer(op)->weight), *dbeta = param_grad(plan, op_layer(op)->bias);
    float *din = op->wants_grad[IN_DATA] ? op_input_grad(plan, op, IN_DATA) : NULL;
    const struct moments moments = saved_moments(plan, op);
    size_t plane = (size_t)v->h * (size_t)v->w, images = (size_t)v->n, stride = (size_t)v->c * plane;
#pragma omp parallel for schedule(static)
    for (int c = 0; c < v->c; c++) {
        float mean = moments.mean[c], inverse = moments.inverse[c];
        double sum = 0, product = 0;
        for (size_t n = 0; n < images; n++)
            for (size_t i = n * stride + (size_t)c * plane, end = i + plane; i < end; i++) {
                sum += dout[i];
                product += (double)dout[i] * ((in[i] - mean) * inverse);
            }
        dbeta[c] = (float)sum;
        dgamma[c] = (float)product;
        if (!din)
            continue;
        float mean_dout = (float)(sum / (double)(images * plane));
        float mean_product = (float)(product / (double)(images * plane));
        for (size_t n = 0; n < images; n++)
            for (size_t i = n * stride + (size_t)c * plane, end = i + plane; i < end; i++) {
                float gradient = gamma[c] * inverse * (dout[i] - mean_dout - (in[i] - mean) * inverse * mean_product);
                din[i] = op->accumulate[IN_DATA] ? din[i] + gradient : gradient;
            }
    }
    return 0;
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    op->keep_in[IN_DATA] = true;
    op->share_grad = IN_DATA;
    if (op->trains)
        op->saved = floats_bytes(2 * (size_t)op_result(plan, op)->c);
    else
        op->share_data = IN_DATA;
    return 0;
}

const struct op_functions reference_batch_norm = {
    .canonical = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
