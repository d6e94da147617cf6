/* Max pooling and the average over the whole plane. */
#include <math.h>
#include <string.h>

#include "ops.h"

/* The first maximum in row order of the window that output (y, x) reads, as an index into the plane; the padding is
 * never it. A NaN wins, as in PyTorch. */
static int32_t first_maximum(const struct layer *layer, const struct value *in, const float *plane, int y, int x)
{
    int top = y * layer->stride - layer->padding, left = x * layer->stride - layer->padding;
    int32_t best = -1;
    for (int row = top < 0 ? 0 : top; row < top + layer->kernel && row < in->h; row++)
        for (int column = left < 0 ? 0 : left; column < left + layer->kernel && column < in->w; column++) {
            int32_t at = row * in->w + column;
            if (best < 0 || plane[at] > plane[best] || isnan(plane[at]))
                best = at;
        }
    return best;
}

static int max_pool_prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    if (op->trains)
        op->saved = value_count(op_result(plan, op)) * sizeof(int32_t); /* where each maximum came from */
    return 0;
}

static int max_pool_forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct value *in = op_input(plan, op, IN_DATA), *out = op_result(plan, op);
    const float *from = op_input_data(plan, op, IN_DATA);
    float *to = op_result_data(plan, op);
    int32_t *origin = op_saved(plan, op);
    size_t planes = (size_t)in->n * (size_t)in->c, in_plane = (size_t)in->h * (size_t)in->w;
    size_t out_plane = (size_t)out->h * (size_t)out->w;
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < planes; p++)
        for (int y = 0; y < out->h; y++)
            for (int x = 0; x < out->w; x++) {
                size_t at = p * out_plane + (size_t)y * (size_t)out->w + (size_t)x;
                int32_t best = first_maximum(op_layer(op), in, from + p * in_plane, y, x);
                to[at] = from[p * in_plane + (size_t)best];
                if (origin)
                    origin[at] = best;
            }
    return 0;
}

static int max_pool_backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    if (!op->wants_grad[IN_DATA])
        return 0;
    const struct value *in = op_input(plan, op, IN_DATA), *out = op_result(plan, op);
    const float *dout = op_result_grad(plan, op);
    const int32_t *origin = op_saved(plan, op);
    float *din = op_input_grad(plan, op, IN_DATA);
    size_t planes = (size_t)in->n * (size_t)in->c, in_plane = (size_t)in->h * (size_t)in->w;
    size_t out_plane = (size_t)out->h * (size_t)out->w;
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < planes; p++) {
        if (!op->accumulate[IN_DATA])
            memset(din + p * in_plane, 0, in_plane * sizeof *din);
        for (size_t i = p * out_plane; i < (p + 1) * out_plane; i++)
            din[p * in_plane + (size_t)origin[i]] += dout[i];
    }
    return 0;
}

static int average_forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct value *in = op_input(plan, op, IN_DATA);
    const float *from = op_input_data(plan, op, IN_DATA);
    float *to = op_result_data(plan, op);
    size_t planes = (size_t)in->n * (size_t)in->c, plane = (size_t)in->h * (size_t)in->w;
    for (size_t p = 0; p < planes; p++) {
        double sum = 0;
        for (size_t i = 0; i < plane; i++)
            sum += from[p * plane + i];
        to[p] = (float)(sum / (double)plane);
    }
    return 0;
}

static int average_backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    if (!op->wants_grad[IN_DATA])
        return 0;
    const struct value *in = op_input(plan, op, IN_DATA);
    const float *dout = op_result_grad(plan, op);
    float *din = op_input_grad(plan, op, IN_DATA);
    size_t planes = (size_t)in->n * (size_t)in->c, plane = (size_t)in->h * (size_t)in->w;
    for (size_t p = 0; p < planes; p++) {
        float gradient = dout[p] / (float)plane;
        for (size_t i = p * plane; i < (p + 1) * plane; i++)
            din[i] = op->accumulate[IN_DATA] ? din[i] + gradient : gradient;
    }
    return 0;
}

const struct op_functions reference_max_pool = {
    .canonical = true,
    .prepare = max_pool_prepare,
    .forward = max_pool_forward,
    .backward = max_pool_backward,
};

const struct op_functions reference_global_avg_pool = {
    .canonical = true,
    .forward = average_forward,
    .backward = average_backward,
};
