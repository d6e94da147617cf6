/* Convolution with groups, stride and zero padding.
 *
 * Each function loops over the planes that it writes, one thread a plane, and adds one tap of the kernel at a time:
 * the innermost loop runs along a row. */
#include <assert.h>
#include <string.h>

#include "ops.h"

#define KERNEL_MAX 16

struct reach {
    size_t first, end;
};

struct shape {
    size_t n, channels, h, w;          /* in */
    size_t out_channels, out_h, out_w; /* out */
    size_t kernel, stride, padding, groups;
    struct reach rows[KERNEL_MAX], columns[KERNEL_MAX]; /* the outputs for which a tap falls inside the input */
};

/* The outputs of a dimension for which tap k falls inside the input of that size. Output o reads input
 * o*stride + k - padding. */
static struct reach inside(const struct shape *s, size_t k, size_t in_size, size_t out_size)
{
    size_t first = k >= s->padding ? 0 : (s->padding - k + s->stride - 1) / s->stride;
    size_t end = in_size + s->padding <= k ? 0 : (in_size + s->padding - k - 1) / s->stride + 1;
    return (struct reach){ first, end > out_size ? out_size : end };
}

static struct shape shape_of(const struct plan *plan, const struct op *op)
{
    const struct value *in = op_input(plan, op, IN_DATA), *out = op_result(plan, op);
    struct shape s = { .n = (size_t)in->n,
                       .channels = (size_t)in->c,
                       .h = (size_t)in->h,
                       .w = (size_t)in->w,
                       .out_channels = (size_t)out->c,
                       .out_h = (size_t)out->h,
                       .out_w = (size_t)out->w,
                       .kernel = (size_t)op_layer(op)->kernel,
                       .stride = (size_t)op_layer(op)->stride,
                       .padding = (size_t)op_layer(op)->padding,
                       .groups = (size_t)op_layer(op)->groups };
    for (size_t k = 0; k < s.kernel; k++) {
        s.rows[k] = inside(&s, k, s.h, s.out_h);
        s.columns[k] = inside(&s, k, s.w, s.out_w);
    }
    return s;
}

/* out (OH, OW) += weight * (the input (H, W) as seen by tap (ky, kx)) */
static void add_tap(const struct shape *s, size_t ky, size_t kx, float weight, const float *in, float *out)
{
    const struct reach rows = s->rows[ky], columns = s->columns[kx];
    for (size_t y = rows.first; y < rows.end; y++) {
        const float *from = in + (y * s->stride + ky - s->padding) * s->w;
        float *to = out + y * s->out_w;
        for (size_t x = columns.first; x < columns.end; x++)
            to[x] += weight * from[x * s->stride + kx - s->padding];
    }
}

/* din (H, W) += weight * dout (OH, OW), the other way through tap (ky, kx) */
static void add_tap_back(const struct shape *s, size_t ky, size_t kx, float weight, const float *dout, float *din)
{
    const struct reach rows = s->rows[ky], columns = s->columns[kx];
    for (size_t y = rows.first; y < rows.end; y++) {
        const float *from = dout + y * s->out_w;
        float *to = din + (y * s->stride + ky - s->padding) * s->w;
        for (size_t x = columns.first; x < columns.end; x++)
            to[x * s->stride + kx - s->padding] += weight * from[x];
    }
}

/* The sum over the plane of dout (OH, OW) times the input that tap (ky, kx) saw. */
static double tap_product(const struct shape *s, size_t ky, size_t kx, const float *in, const float *dout)
{
    double sum = 0;
    const struct reach rows = s->rows[ky], columns = s->columns[kx];
    for (size_t y = rows.first; y < rows.end; y++) {
        const float *a = in + (y * s->stride + ky - s->padding) * s->w;
        const float *b = dout + y * s->out_w;
        float row = 0;
#pragma omp simd reduction(+ : row)
        for (size_t x = columns.first; x < columns.end; x++)
            row += a[x * s->stride + kx - s->padding] * b[x];
        sum += row;
    }
    return sum;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct shape s = shape_of(plan, op);
    const float *in = op_input_data(plan, op, IN_DATA);
    const float *weight = param_value(plan, op_layer(op)->weight), *bias = param_value(plan, op_layer(op)->bias);
    float *out = op_result_data(plan, op);
    size_t group_in = s.channels / s.groups, group_out = s.out_channels / s.groups, taps = s.kernel * s.kernel;
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t n = 0; n < s.n; n++)
        for (size_t o = 0; o < s.out_channels; o++) {
            float *plane = out + (n * s.out_channels + o) * s.out_h * s.out_w;
            for (size_t i = 0; i < s.out_h * s.out_w; i++)
                plane[i] = bias ? bias[o] : 0;
            for (size_t c = 0; c < group_in; c++) {
                size_t from = n * s.channels + o / group_out * group_in + c;
                for (size_t tap = 0; tap < taps; tap++)
                    add_tap(&s, tap / s.kernel, tap % s.kernel, weight[(o * group_in + c) * taps + tap],
                            in + from * s.h * s.w, plane);
            }
        }
    return 0;
}

static void backward_data(const struct shape *s, const float *weight, const float *dout, float *din, bool accumulate)
{
    size_t group_in = s->channels / s->groups, group_out = s->out_channels / s->groups, taps = s->kernel * s->kernel;
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t n = 0; n < s->n; n++)
        for (size_t c = 0; c < s->channels; c++) {
            float *plane = din + (n * s->channels + c) * s->h * s->w;
            if (!accumulate)
                memset(plane, 0, s->h * s->w * sizeof *plane);
            for (size_t i = 0; i < group_out; i++) {
                size_t o = c / group_in * group_out + i;
                for (size_t tap = 0; tap < taps; tap++)
                    add_tap_back(s, tap / s->kernel, tap % s->kernel,
                                 weight[(o * group_in + c % group_in) * taps + tap],
                                 dout + (n * s->out_channels + o) * s->out_h * s->out_w, plane);
            }
        }
}

static void backward_weight(const struct shape *s, const float *in, const float *dout, float *dweight)
{
    size_t group_in = s->channels / s->groups, group_out = s->out_channels / s->groups, taps = s->kernel * s->kernel;
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t o = 0; o < s->out_channels; o++)
        for (size_t c = 0; c < group_in; c++)
            for (size_t tap = 0; tap < taps; tap++) {
                double sum = 0;
                for (size_t n = 0; n < s->n; n++)
                    sum += tap_product(s, tap / s->kernel, tap % s->kernel,
                                       in + (n * s->channels + o / group_out * group_in + c) * s->h * s->w,
                                       dout + (n * s->out_channels + o) * s->out_h * s->out_w);
                dweight[(o * group_in + c) * taps + tap] = (float)sum;
            }
}

static void backward_bias(const struct shape *s, const float *dout, float *dbias)
{
    for (size_t o = 0; o < s->out_channels; o++) {
        double sum = 0;
        for (size_t n = 0; n < s->n; n++)
            for (size_t i = 0; i < s->out_h * s->out_w; i++)
                sum += dout[(n * s->out_channels + o) * s->out_h * s->out_w + i];
        dbias[o] = (float)sum;
    }
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct shape s = shape_of(plan, op);
    const float *dout = op_result_grad(plan, op);
    backward_weight(&s, op_input_data(plan, op, IN_DATA), dout, param_grad(plan, op_layer(op)->weight));
    if (op_layer(op)->bias >= 0)
        backward_bias(&s, dout, param_grad(plan, op_layer(op)->bias));
    if (op->wants_grad[IN_DATA])
        backward_data(&s, param_value(plan, op_layer(op)->weight), dout, op_input_grad(plan, op, IN_DATA),
                      op->accumulate[IN_DATA]);
    return 0;
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    assert(op_layer(op)->kernel <= KERNEL_MAX);
    op->keep_in[IN_DATA] = true;
    return 0;
}

const struct op_functions reference_conv = {
    .canonical = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
