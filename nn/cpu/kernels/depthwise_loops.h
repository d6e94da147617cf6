/* The loops of depthwise.h, for the instruction set and the number of LANES that the including file names. Not a header
 * of its own. */
#include <string.h>

#include "depthwise.h"
#include "lanes.h"

/* The outputs [*first, *end) of a dimension for which every tap falls inside the input. */
static void taps_inside(const struct depthwise *s, size_t size, size_t out_size, size_t *first, size_t *end)
{
    *first = (s->padding + s->stride - 1) / s->stride;
    *end = size + s->padding < s->kernel ? 0 : (size + s->padding - s->kernel) / s->stride + 1;
    *end = *end > out_size ? out_size : *end;
    *first = *first > *end ? *end : *first;
}

/* A row of outputs [first, end), every tap inside: sums[k] += dout[x] * in[x * stride + k]. */
INLINE void row_grad_of(size_t kernel, const float *in, const float *dout, size_t first, size_t end, size_t stride,
                        lanes *sums)
{
    lanes kept[DEPTHWISE_KERNEL_MAX];
    for (size_t k = 0; k < kernel; k++)
        kept[k] = sums[k];
    for (size_t x = first; x < end; x++) {
        const lanes gradient = LOAD(dout + x * LANES);
        const float *from = in + x * stride * LANES;
        for (size_t k = 0; k < kernel; k++)
            kept[k] += gradient * LOAD(from + k * LANES);
    }
    for (size_t k = 0; k < kernel; k++)
        sums[k] = kept[k];
}

/* The kernel's size and the stride as constants, so that the sums stay in registers. */
static void row_grad(const struct depthwise *s, const float *in, const float *dout, size_t first, size_t end,
                     lanes *sums)
{
    if (s->kernel == 3 && s->stride == 1)
        row_grad_of(3, in, dout, first, end, 1, sums);
    else if (s->kernel == 3 && s->stride == 2)
        row_grad_of(3, in, dout, first, end, 2, sums);
    else if (s->kernel == 5 && s->stride == 1)
        row_grad_of(5, in, dout, first, end, 1, sums);
    else if (s->kernel == 5 && s->stride == 2)
        row_grad_of(5, in, dout, first, end, 2, sums);
    else
        row_grad_of(s->kernel, in, dout, first, end, s->stride, sums);
}

/* The same for outputs [first, end) at the edges, where taps may fall outside; `in` is the row's start. */
static void edge_grad(const struct depthwise *s, const float *in, const float *dout, size_t first, size_t end,
                      lanes *sums)
{
    for (size_t x = first; x < end; x++) {
        const lanes gradient = LOAD(dout + x * LANES);
        for (size_t k = 0; k < s->kernel; k++) {
            size_t at = x * s->stride + k; /* behind the padding */
            if (at >= s->padding && at - s->padding < s->w)
                sums[k] += gradient * LOAD(in + (at - s->padding) * LANES);
        }
    }
}

static void depthwise_wgrad(const struct depthwise *s, size_t group, const float *in, const float *dout, float *dweight)
{
    size_t first, end;
    lanes total[DEPTHWISE_KERNEL_MAX * DEPTHWISE_KERNEL_MAX] = { 0 };
    taps_inside(s, s->w, s->out_w, &first, &end);
    for (size_t n = 0; n < s->n; n++) {
        const float *image = in + (n * s->groups + group) * s->h * s->w * LANES;
        const float *gradient = dout + (n * s->groups + group) * s->out_h * s->out_w * LANES;
        /* By image, so that no sum grows large beside what is added to it. */
        lanes sums[DEPTHWISE_KERNEL_MAX * DEPTHWISE_KERNEL_MAX] = { 0 };
        for (size_t y = 0; y < s->out_h; y++)
            for (size_t k = 0; k < s->kernel; k++) {
                size_t at = y * s->stride + k;
                if (at < s->padding || at - s->padding >= s->h)
                    continue;
                const float *line = image + (at - s->padding) * s->w * LANES;
                const float *out = gradient + y * s->out_w * LANES;
                lanes *taps = sums + k * s->kernel;
                edge_grad(s, line, out, 0, first, taps);
                if (first < end) /* (first * stride - padding is not negative) */
                    row_grad(s, line + (first * s->stride - s->padding) * LANES, out + first * LANES, 0, end - first,
                             taps);
                edge_grad(s, line, out, end, s->out_w, taps);
            }
        for (size_t k = 0; k < s->kernel * s->kernel; k++)
            total[k] += sums[k];
    }
    memcpy(dweight, total, s->kernel * s->kernel * sizeof *total);
}

/* `count` outputs (a constant) of a row from output x on, for that kernel and stride. */
INLINE void outputs_of(size_t kernel, size_t stride, size_t count, const float *const *rows, size_t x,
                       const float *taps, const float *bias, enum activation activation, float *out)
{
    const struct lanes_bounds bounds = lanes_bounds(activation);
    lanes sums[OUTPUTS];
#pragma GCC unroll 16
    for (size_t i = 0; i < count; i++)
        sums[i] = LOAD(bias);
    for (size_t ky = 0; ky < kernel; ky++) {
        const float *from = rows[ky] + x * stride * LANES;
#pragma GCC unroll 8
        for (size_t kx = 0; kx < kernel; kx++, taps += LANES) {
            const lanes tap = LOAD(taps);
#pragma GCC unroll 16
            for (size_t i = 0; i < count; i++)
                sums[i] += tap * LOAD(from + (i * stride + kx) * LANES);
        }
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < count; i++)
        STORE(out + (x + i) * LANES, lanes_clamp(&bounds, sums[i]));
}

/* As many outputs at a time as there are registers; the last ones may overlap those before. */
INLINE void outputs_in_row(size_t kernel, size_t stride, const struct depthwise_row *row, const float *const *rows,
                           const float *taps, const float *bias, float *out)
{
    size_t x = 0, w = row->out_w;
    if (w >= OUTPUTS)
        for (; x < w; x += OUTPUTS)
            outputs_of(kernel, stride, OUTPUTS, rows, x + OUTPUTS > w ? w - OUTPUTS : x, taps, bias, row->activation,
                       out);
    else if (w >= 7)
        for (; x < w; x += 7)
            outputs_of(kernel, stride, 7, rows, x + 7 > w ? w - 7 : x, taps, bias, row->activation, out);
    else
        for (; x < w; x++)
            outputs_of(kernel, stride, 1, rows, x, taps, bias, row->activation, out);
}

static void depthwise_forward(const struct depthwise_row *row, const float *const *rows, const float *taps,
                              const float *bias, float *out)
{
    if (row->kernel == 3 && row->stride == 1)
        outputs_in_row(3, 1, row, rows, taps, bias, out);
    else if (row->kernel == 3)
        outputs_in_row(3, 2, row, rows, taps, bias, out);
    else if (row->stride == 1)
        outputs_in_row(5, 1, row, rows, taps, bias, out);
    else
        outputs_in_row(5, 2, row, rows, taps, bias, out);
    if (row->activation == ACTIVATION_SILU)
        lanes_silu(out, row->out_w * LANES);
}

static void depthwise_add_row(size_t count, const float *row, float *sums)
{
    lanes sum = { 0 };
    for (size_t x = 0; x < count; x++)
        sum += LOAD(row + x * LANES);
    STORE(sums, LOAD(sums) + sum);
}

static const struct depthwise_kernels depthwise_kernels = {
    .block = LANES, .wgrad = depthwise_wgrad, .forward = depthwise_forward, .add_row = depthwise_add_row
};
