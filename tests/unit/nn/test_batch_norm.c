/* The loops of batch norm on every instruction set that this CPU has, against their definition in double. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "each_kernels.h"
#include "rig.h"

enum { STRIPS = 3, STRIDE = 61, FLOATS = STRIPS * STRIDE };
static const enum activation activations[] = { ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_RELU6, ACTIVATION_SILU };
/* Less than a vector, vectors, and vectors with a rest. */
static const size_t counts[] = { 1, 7, 16, 48, 61 };

struct fixture {
    float x[FLOATS], dy[FLOATS], y[FLOATS], dx[FLOATS];
    struct batch_norm_affine affine;
};

static void fixture_fill(struct fixture *f)
{
    rig_fill(f->x, FLOATS, 1);
    rig_fill(f->dy, FLOATS, 2);
    rig_fill(f->y, FLOATS, 3);
    rig_fill(f->dx, FLOATS, 4);
    rig_fill(f->affine.mean, BATCH_NORM_LANES, 5);
    rig_fill(f->affine.scale, BATCH_NORM_LANES, 6);
    rig_fill(f->affine.shift, BATCH_NORM_LANES, 7);
    for (int i = 0; i < BATCH_NORM_LANES; i++)
        f->affine.shift[i] += 3; /* some beyond 6 */
}

static double z_of(const struct fixture *f, size_t at)
{
    size_t lane = at % STRIDE % BATCH_NORM_LANES;
    return ((double)f->x[at] - (double)f->affine.mean[lane]) * (double)f->affine.scale[lane] +
           (double)f->affine.shift[lane];
}

static double activated(enum activation activation, double z)
{
    return activation == ACTIVATION_RELU    ? fmax(z, 0)
           : activation == ACTIVATION_RELU6 ? fmin(fmax(z, 0), 6)
           : activation == ACTIVATION_SILU  ? z / (1 + exp(-z))
                                            : z;
}

static double slope_of(enum activation activation, double z)
{
    double sigmoid = 1 / (1 + exp(-z));
    return activation == ACTIVATION_RELU    ? z > 0
           : activation == ACTIVATION_RELU6 ? z > 0 && z < 6
           : activation == ACTIVATION_SILU  ? sigmoid * (1 + z * (1 - sigmoid))
                                            : 1;
}

static void check_forward(const struct batch_norm_kernels *kernels, enum activation activation, size_t count)
{
    struct fixture f;
    float untouched[FLOATS];
    fixture_fill(&f);
    memcpy(untouched, f.y, sizeof f.y);
    const struct batch_norm_strips strips = { STRIPS, count, STRIDE };
    kernels->forward(&strips, activation, &f.affine, f.x, f.y);
    for (size_t at = 0; at < FLOATS; at++)
        if (at % STRIDE < count)
            assert_true(fabs((double)f.y[at] - activated(activation, z_of(&f, at))) < 2e-5);
        else
            assert_true(f.y[at] == untouched[at]); /* NOLINT: bit for bit */
}

static void check_backward(const struct batch_norm_kernels *kernels, enum activation activation, size_t count,
                           bool accumulate)
{
    struct fixture f, before;
    struct batch_norm_slopes slopes;
    double dz_sum[BATCH_NORM_LANES] = { 0 }, product[BATCH_NORM_LANES] = { 0 };
    double expected_sum[BATCH_NORM_LANES] = { 0 }, expected_product[BATCH_NORM_LANES] = { 0 };
    fixture_fill(&f);
    before = f;
    rig_fill(slopes.dz_mean, BATCH_NORM_LANES, 8);
    rig_fill(slopes.slope, BATCH_NORM_LANES, 9);
    const struct batch_norm_strips strips = { STRIPS, count, STRIDE };
    kernels->sums(&strips, activation, &f.affine, f.x, f.dy, dz_sum, product);
    kernels->backward(&strips, activation, &f.affine, &slopes, f.x, f.dy, f.dx, accumulate);
    for (size_t at = 0; at < FLOATS; at++) {
        size_t lane = at % STRIDE % BATCH_NORM_LANES;
        if (at % STRIDE >= count) {
            assert_true(f.dx[at] == before.dx[at]);
            continue;
        }
        double centred = (double)f.x[at] - (double)f.affine.mean[lane];
        double dz = (double)before.dy[at] * slope_of(activation, z_of(&f, at));
        double dx = (dz - (double)slopes.dz_mean[lane]) * (double)f.affine.scale[lane] -
                    centred * (double)slopes.slope[lane] + (accumulate ? (double)before.dx[at] : 0);
        assert_true(fabs((double)f.dx[at] - dx) < 2e-5);
        expected_sum[lane] += dz;
        expected_product[lane] += dz * centred;
    }
    for (int i = 0; i < BATCH_NORM_LANES; i++) {
        assert_true(fabs(dz_sum[i] - expected_sum[i]) < 2e-5);
        assert_true(fabs(product[i] - expected_product[i]) < 2e-5);
    }
}

static void check_kernels(const struct kernels *kernels)
{
    for (size_t a = 0; a < sizeof activations / sizeof *activations; a++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            check_forward(kernels->batch_norm, activations[a], counts[c]);
            check_backward(kernels->batch_norm, activations[a], counts[c], false);
            check_backward(kernels->batch_norm, activations[a], counts[c], true);
        }
}

static void forward_and_backward_are_as_defined(void **state)
{
    (void)state;
    each_kernels(check_kernels);
}

/* So many that sums are flushed from float to double in between, around a mean that is large beside the deviation. */
static void check_moments(const struct kernels *kernels)
{
    enum { COUNT = 40000 };
    float *x = malloc(COUNT * sizeof *x), pilot[BATCH_NORM_LANES];
    assert_non_null(x);
    rig_fill(x, COUNT, 1);
    double sum = 0, squares = 0;
    for (int i = 0; i < COUNT; i++) {
        x[i] += 1000;
        sum += (double)x[i] - 1000;
    }
    for (int i = 0; i < COUNT; i++)
        squares += pow((double)x[i] - 1000 - sum / COUNT, 2);
    for (int i = 0; i < BATCH_NORM_LANES; i++)
        pilot[i] = x[0];
    const struct batch_norm_strips strips = { 1, COUNT, COUNT };
    double lanes[BATCH_NORM_LANES] = { 0 }, squared[BATCH_NORM_LANES] = { 0 }, off = 0, second = 0;
    kernels->batch_norm->moments(&strips, x, pilot, lanes, squared);
    for (int i = 0; i < BATCH_NORM_LANES; i++) {
        off += lanes[i] / COUNT;
        second += squared[i] / COUNT;
    }
    assert_true(fabs((double)x[0] - 1000 + off - sum / COUNT) < 1e-5);
    assert_true(fabs((second - off * off) / (squares / COUNT) - 1) < 1e-5);
    free(x);
}

static void moments_are_exact_around_a_large_mean(void **state)
{
    (void)state;
    each_kernels(check_moments);
}

static void check_far_values(const struct kernels *kernels)
{
    const struct batch_norm_strips strips = { 1, BATCH_NORM_LANES, BATCH_NORM_LANES };
    struct batch_norm_affine affine = { { 0 }, { 0 }, { 0 } };
    float x[BATCH_NORM_LANES] = { 100, -100, 1e30f, -1e30f, 0, NAN }, y[BATCH_NORM_LANES];
    for (int i = 0; i < BATCH_NORM_LANES; i++)
        affine.scale[i] = 1;
    kernels->batch_norm->forward(&strips, ACTIVATION_SILU, &affine, x, y);
    assert_true(y[0] == 100 && fabsf(y[1]) < 1e-30f && y[2] == 1e30f && y[4] == 0);
    assert_true(fabsf(y[3]) < 1e-7f * 1e30f && isnan(y[5]));
}

static void silu_is_finite_far_from_0_and_keeps_what_is_none(void **state)
{
    (void)state;
    each_kernels(check_far_values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_and_backward_are_as_defined),
        cmocka_unit_test(moments_are_exact_around_a_large_mean),
        cmocka_unit_test(silu_is_finite_far_from_0_and_keeps_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
