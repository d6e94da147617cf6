/* The loops for depthwise convolutions, against their definition. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "each_kernels.h"
#include "rig.h"

/* dweight[ky][kx] of one channel: lane `lane` of block `group`. */
static double expected(const struct depthwise *s, size_t block, size_t group, size_t lane, size_t ky, size_t kx,
                       const float *in, const float *dout)
{
    double sum = 0;
    for (size_t n = 0; n < s->n; n++)
        for (size_t y = 0; y < s->out_h; y++)
            for (size_t x = 0; x < s->out_w; x++) {
                size_t row = y * s->stride + ky, column = x * s->stride + kx;
                if (row < s->padding || row - s->padding >= s->h || column < s->padding || column - s->padding >= s->w)
                    continue;
                size_t from = ((n * s->groups + group) * s->h + row - s->padding) * s->w + column - s->padding;
                size_t to = ((n * s->groups + group) * s->out_h + y) * s->out_w + x;
                sum += (double)in[from * block + lane] * dout[to * block + lane];
            }
    return sum;
}

static void check(const struct depthwise_kernels *kernels, size_t side, size_t kernel, size_t stride)
{
    size_t block = kernels->block;
    size_t out = (side + 2 * (kernel / 2) - kernel) / stride + 1;
    const struct depthwise s = { .n = 2,
                                 .groups = 3,
                                 .h = side,
                                 .w = side,
                                 .out_h = out,
                                 .out_w = out,
                                 .kernel = kernel,
                                 .stride = stride,
                                 .padding = kernel / 2 };
    size_t ins = s.n * s.groups * side * side * block, outs = s.n * s.groups * out * out * block;
    float *in = malloc(ins * sizeof *in), *dout = malloc(outs * sizeof *dout);
    float dweight[DEPTHWISE_KERNEL_MAX * DEPTHWISE_KERNEL_MAX * 16];
    assert_true(in && dout);
    rig_fill(in, ins, 1);
    rig_fill(dout, outs, 2);
    for (size_t group = 0; group < s.groups; group++) {
        kernels->wgrad(&s, group, in, dout, dweight);
        for (size_t k = 0; k < kernel * kernel; k++)
            for (size_t lane = 0; lane < block; lane++) {
                double truth = expected(&s, block, group, lane, k / kernel, k % kernel, in, dout);
                assert_true(fabs((double)dweight[k * block + lane] - truth) < 1e-4);
            }
    }
    free(in);
    free(dout);
}

static void check_weight_gradients(const struct kernels *kernels)
{
    static const size_t sides[] = { 1, 2, 3, 4, 7, 14, 15 };
    for (size_t kernel = 1; kernels->depthwise && kernel <= DEPTHWISE_KERNEL_MAX; kernel += 2)
        for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
            for (size_t stride = 1; stride <= 2; stride++)
                check(kernels->depthwise, sides[i], kernel, stride);
}

static void the_weight_gradient_is_as_defined(void **state)
{
    (void)state;
    each_kernels(check_weight_gradients);
}

/* A row of `width` pixels of a block, padding included, to `out_w` outputs. */
static void check_row(const struct depthwise_kernels *kernels, size_t kernel, size_t stride, size_t out_w,
                      enum activation activation)
{
    size_t block = kernels->block, width = (out_w - 1) * stride + kernel;
    const struct depthwise_row row = { kernel, stride, out_w, activation };
    float *in = malloc(kernel * width * block * sizeof *in), *out = malloc((out_w + 1) * block * sizeof *out);
    float taps[5 * 5 * 16], bias[16];
    const float *rows[5];
    assert_true(in && out);
    rig_fill(in, kernel * width * block, 1);
    rig_fill(taps, kernel * kernel * block, 2);
    rig_fill(bias, block, 3);
    for (size_t k = 0; k < kernel; k++)
        rows[k] = in + k * width * block;
    for (size_t i = 0; i < block; i++)
        out[out_w * block + i] = 77;
    kernels->forward(&row, rows, taps, bias, out);
    for (size_t at = 0; at < (out_w + 1) * block; at++) {
        size_t x = at / block, lane = at % block;
        double truth = (double)bias[lane];
        for (size_t k = 0; x < out_w && k < kernel * kernel; k++)
            truth +=
                (double)rows[k / kernel][(x * stride + k % kernel) * block + lane] * (double)taps[k * block + lane];
        if (activation == ACTIVATION_SILU)
            truth /= 1 + exp(-truth);
        else if (activation != ACTIVATION_NONE)
            truth = truth < 0 ? 0 : activation == ACTIVATION_RELU6 && truth > 6 ? 6 : truth;
        assert_true(fabs((double)out[at] - (x < out_w ? truth : 77)) < 1e-4);
    }
    free(in);
    free(out);
}

static void check_rows(const struct kernels *kernels)
{
    static const enum activation activations[] = { ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_RELU6,
                                                   ACTIVATION_SILU };
    for (size_t kernel = 3; kernels->depthwise && kernel <= 5; kernel += 2)
        for (size_t stride = 1; stride <= 2; stride++)
            for (size_t out_w = 1; out_w <= 30; out_w++)
                check_row(kernels->depthwise, kernel, stride, out_w, activations[out_w % 4]);
}

static void a_row_is_as_defined(void **state)
{
    (void)state;
    each_kernels(check_rows);
}

static void check_sums(const struct kernels *kernels)
{
    size_t block = kernels->block;
    float row[31 * 16], sums[16], before[16];
    rig_fill(row, 31 * block, 1);
    rig_fill(before, block, 2);
    for (size_t count = 0; kernels->depthwise && count <= 31; count++) {
        memcpy(sums, before, sizeof sums);
        kernels->depthwise->add_row(count, row, sums);
        for (size_t lane = 0; lane < block; lane++) {
            double truth = (double)before[lane];
            for (size_t x = 0; x < count; x++)
                truth += (double)row[x * block + lane];
            assert_true(fabs((double)sums[lane] - truth) < 1e-4);
        }
    }
}

static void the_pixels_of_a_row_are_added(void **state)
{
    (void)state;
    each_kernels(check_sums);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_weight_gradient_is_as_defined),
        cmocka_unit_test(a_row_is_as_defined),
        cmocka_unit_test(the_pixels_of_a_row_are_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
