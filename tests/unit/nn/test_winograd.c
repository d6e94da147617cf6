/* Winograd's convolution on every instruction set that this CPU has, against the definition: the forward pass, the
 * gradient of the data and that of the weights. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <omp.h>
#include <stdlib.h>

#include "each_kernels.h"
#include "nn/cpu/kernels/winograd_pass.h"
#include "nn/cpu/kernels/winograd_wgrad.h"
#include "rig.h"

/* Of a forward pass `in` is what it reads and `out` what it makes; of the data's gradient the other way round. */
struct fixture {
    const struct winograd_kernels *kernels;
    struct winograd shape;
    float *in, *weights, *bias, *out;
};

static float *filled(size_t count, uint64_t seed)
{
    size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
    float *floats = aligned_alloc(64, bytes);
    assert_non_null(floats);
    rig_fill(floats, count, seed);
    return floats;
}

static size_t floats_of(const struct winograd *s, size_t channels)
{
    return s->n * channels * s->h * s->w;
}

static void fixture_init(struct fixture *f, const struct winograd_kernels *kernels, size_t n, size_t side,
                         size_t channels, size_t outputs)
{
    f->kernels = kernels;
    f->shape = (struct winograd){ n, channels, outputs, side, side, (side + 3) / 4, (side + 3) / 4 };
    f->in = filled(floats_of(&f->shape, channels), 1);
    f->weights = filled(outputs * channels * 9, 2);
    f->bias = filled(outputs, 3);
    f->out = filled(floats_of(&f->shape, outputs), 4);
}

static void fixture_release(struct fixture *f)
{
    free(f->in);
    free(f->weights);
    free(f->bias);
    free(f->out);
}

static size_t index_of(const struct fixture *f, size_t channels, size_t n, size_t c, size_t y, size_t x)
{
    size_t block = f->kernels->block;
    return (((n * (channels / block) + c / block) * f->shape.h + y) * f->shape.w + x) * block + c % block;
}

/* Whether tap k of the output (y, x) lies in the image, and then its row and column. */
static bool tap(const struct winograd *s, size_t k, size_t *y, size_t *x)
{
    *y += k / 3; /* behind the padding of 1 */
    *x += k % 3;
    bool is_inside = *y >= 1 && *y <= s->h && *x >= 1 && *x <= s->w;
    *y -= 1;
    *x -= 1;
    return is_inside;
}

static double convolved(const struct fixture *f, bool rotated, size_t n, size_t o, size_t y, size_t x)
{
    const struct winograd *s = &f->shape;
    double sum = 0;
    for (size_t c = 0; c < s->channels; c++)
        for (size_t k = 0; k < 9; k++) {
            size_t row = y, column = x;
            size_t weight = rotated ? (c * s->outputs + o) * 9 + 8 - k : (o * s->channels + c) * 9 + k;
            if (tap(s, k, &row, &column))
                sum += (double)f->in[index_of(f, s->channels, n, c, row, column)] * (double)f->weights[weight];
        }
    return sum;
}

static void run(const struct fixture *f, bool rotated, const struct winograd_end *end, size_t threads, float *out)
{
    struct winograd_pass pass;
    omp_set_num_threads((int)threads);
    winograd_pass_init(&pass, f->kernels, &f->shape, threads);
    float *weights = filled(winograd_pass_weights_floats(&pass), 9), *scratch = filled(winograd_pass_scratch(&pass), 9);
    winograd_pass_weights(&pass, f->weights, rotated, scratch, weights);
    winograd_pass_run(&pass, f->in, weights, end, scratch, out);
    free(weights);
    free(scratch);
}

static double difference, size; /* of what was compared last: sums of squares */

static void compare(double value, double truth)
{
    difference += (value - truth) * (value - truth);
    size += truth * truth;
}

static void assert_near(const char *what, const struct fixture *f)
{
    if (!(sqrt(difference / size) < 1e-5))
        fail_msg("%s, %s of %zu images of %zu: off by %g", f->kernels->name, what, f->shape.n, f->shape.h,
                 sqrt(difference / size));
    difference = size = 0;
}

static void check_pass(const struct winograd_kernels *kernels, size_t n, size_t side, size_t channels, bool rotated,
                       struct winograd_end end)
{
    struct fixture f;
    fixture_init(&f, kernels, n, side, channels, 2 * kernels->panel);
    size_t outputs = f.shape.outputs, count = floats_of(&f.shape, outputs);
    if (end.bias)
        end.bias = f.bias;
    float *one = filled(count, 4), *three = filled(count, 4);
    run(&f, rotated, &end, 1, one);
    run(&f, rotated, &end, 3, three);
    assert_memory_equal(one, three, count * sizeof *one);
    for (size_t i = 0; i < n; i++)
        for (size_t o = 0; o < outputs; o += 3)
            for (size_t y = 0; y < side; y++)
                for (size_t x = 0; x < side; x++) {
                    size_t at = index_of(&f, outputs, i, o, y, x);
                    double truth = convolved(&f, rotated, i, o, y, x) + (end.bias ? (double)f.bias[o] : 0) +
                                   (end.sum ? (double)f.out[at] : 0);
                    compare((double)one[at], end.relu && truth < 0 ? 0 : truth);
                }
    assert_near(rotated ? "the data's gradient" : "the forward pass", &f);
    free(one);
    free(three);
    fixture_release(&f);
}

static void check_gradient(const struct winograd_kernels *kernels, size_t n, size_t side, size_t channels)
{
    struct fixture f;
    fixture_init(&f, kernels, n, side, channels, 2 * kernels->panel);
    const struct winograd *s = &f.shape;
    size_t count = s->outputs * channels * 9;
    float *dweights[2];
    for (size_t i = 0; i < 2; i++) {
        size_t threads = i ? 3 : 1;
        struct winograd_wgrad gradient;
        omp_set_num_threads((int)threads);
        winograd_wgrad_init(&gradient, kernels, s, threads);
        float *scratch = filled(winograd_wgrad_scratch(&gradient), 9);
        dweights[i] = filled(count, 5);
        winograd_wgrad_run(&gradient, f.in, f.out, scratch, dweights[i]);
        free(scratch);
    }
    assert_memory_equal(dweights[0], dweights[1], count * sizeof(float));
    for (size_t o = 0; o < s->outputs; o += 5)
        for (size_t c = 0; c < channels; c += 3)
            for (size_t k = 0; k < 9; k++) {
                double sum = 0;
                for (size_t i = 0; i < n; i++)
                    for (size_t y = 0; y < side; y++)
                        for (size_t x = 0; x < side; x++) {
                            size_t row = y, column = x;
                            if (tap(s, k, &row, &column))
                                sum += (double)f.in[index_of(&f, channels, i, c, row, column)] *
                                       (double)f.out[index_of(&f, s->outputs, i, o, y, x)];
                        }
                compare((double)dweights[0][(o * channels + c) * 9 + k], sum);
            }
    assert_near("the weights' gradient", &f);
    free(dweights[0]);
    free(dweights[1]);
    fixture_release(&f);
}

static const size_t sides[] = { 1, 2, 4, 5, 7, 12, 14 };
enum { SIDES = sizeof sides / sizeof *sides };

static void check_passes(const struct kernels *all)
{
    static const float any;
    const struct winograd_kernels *kernels = all->winograd;
    if (!kernels)
        return;
    size_t channels = 2 * kernels->block;
    for (size_t i = 0; i < SIDES; i++) {
        struct winograd_end end = { i % 4 != 3 ? &any : NULL, i % 2, i % 3 == 0 };
        check_pass(kernels, 2, sides[i], channels, i % 2, end);
        check_pass(kernels, 1, sides[i], channels, i % 2 == 0, end);
    }
    /* Several rounds, the last one of a few tiles; and several chunks, the last one narrower. */
    check_pass(kernels, 15, 12, channels, false, (struct winograd_end){ &any, true, true });
    check_pass(kernels, 15, 12, channels, true, (struct winograd_end){ .sum = true });
    check_pass(kernels, 2, 5, WINOGRAD_DEPTH + channels, false, (struct winograd_end){ &any, false, true });
    check_pass(kernels, 35, 7, WINOGRAD_DEPTH + channels, false, (struct winograd_end){ 0 });
}

static void the_convolution_is_as_defined(void **state)
{
    (void)state;
    each_kernels(check_passes);
}

static void check_gradients(const struct kernels *all)
{
    const struct winograd_kernels *kernels = all->winograd;
    if (!kernels)
        return;
    size_t channels = 2 * kernels->block;
    for (size_t i = 0; i < SIDES; i++)
        check_gradient(kernels, 1 + i % 3, sides[i], channels);
    check_gradient(kernels, 2, 7, WINOGRAD_DEPTH + channels);
    check_gradient(kernels, 60, 12, WINOGRAD_DEPTH + channels); /* several rounds */
}

static void the_gradient_of_the_weights_is_as_defined(void **state)
{
    (void)state;
    each_kernels(check_gradients);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_convolution_is_as_defined),
        cmocka_unit_test(the_gradient_of_the_weights_is_as_defined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
