/* The loops for depthwise convolutions, against their definition. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "nn/kernels/depthwise.h"
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

static void check(size_t block, size_t side, size_t kernel, size_t stride)
{
    depthwise_weights *run = depthwise_weights_find(block, kernel);
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
        run(&s, group, in, dout, dweight);
        for (size_t k = 0; k < kernel * kernel; k++)
            for (size_t lane = 0; lane < block; lane++) {
                double truth = expected(&s, block, group, lane, k / kernel, k % kernel, in, dout);
                assert_true(fabs((double)dweight[k * block + lane] - truth) < 1e-4);
            }
    }
    free(in);
    free(dout);
}

static void the_weight_gradient_is_as_defined(void **state)
{
    (void)state;
    static const size_t blocks[] = { 16, 8 }, sides[] = { 1, 2, 3, 4, 7, 14, 15 }, kernels[] = { 1, 3, 5, 7 };
    int checked = 0;
    for (size_t b = 0; b < 2; b++)
        for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
            if (!depthwise_weights_find(blocks[b], kernels[k])) {
                print_message("NOT TESTED: this CPU has no loops for blocks of %zu\n", blocks[b]);
                continue;
            }
            for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
                for (size_t stride = 1; stride <= 2; stride++, checked++)
                    check(blocks[b], sides[i], kernels[k], stride);
        }
    print_message("%d shapes\n", checked);
}

static void what_no_loop_fits_is_refused(void **state)
{
    (void)state;
    assert_null(depthwise_weights_find(4, 3));
    assert_null(depthwise_weights_find(1, 3));
    assert_null(depthwise_weights_find(16, DEPTHWISE_KERNEL_MAX + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_weight_gradient_is_as_defined),
        cmocka_unit_test(what_no_loop_fits_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
