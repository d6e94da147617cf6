/* The loops of 1x1 convolutions on every instruction set that this CPU has, against the definition. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "each_kernels.h"
#include "rig.h"

#define GUARD 32 /* floats behind the output that must stay as they are */

static float *filled(size_t count, uint64_t seed)
{
    float *floats = malloc(count * sizeof *floats);
    assert_non_null(floats);
    rig_fill(floats, count, seed);
    return floats;
}

static double activated(enum activation activation, double value)
{
    if (activation == ACTIVATION_SILU)
        return value / (1 + exp(-value));
    if (activation != ACTIVATION_NONE && value < 0)
        return 0;
    return activation == ACTIVATION_RELU6 && value > 6 ? 6 : value;
}

/* Half of the shapes with factors of the inputs. */
static void check(const struct conv_1x1_kernels *kernels, size_t channels, size_t outputs, size_t count, bool sum,
                  enum activation activation)
{
    size_t block = kernels->block, in_blocks = (channels + block - 1) / block,
           out_blocks = (outputs + block - 1) / block;
    /* As if the pixels were a row of larger planes. */
    const struct conv_1x1 shape = { channels, outputs, (count + 3) * block, (count + 5) * block, sum, activation };
    size_t outs = out_blocks * shape.out_plane + GUARD, panels = conv_1x1_panels(kernels, &shape);
    float *in = filled(in_blocks * shape.in_plane, 1), *weights = filled(outputs * channels, 2);
    float *bias = filled(panels * kernels->panel, 3), *before = filled(outs, 4), *out = filled(outs, 4);
    float *packed = filled(conv_1x1_weights_floats(kernels, &shape), 5);
    for (size_t o = outputs; o < panels * kernels->panel; o++)
        bias[o] = 0;
    kernels->pack(&shape, weights, packed);
    float *factors = filled(channels, 6), *scaled = filled(channels * kernels->panel, 7);
    bool scales = (channels + count) % 2;
    for (size_t c = 0; c < channels; c++)
        factors[c] = scales ? factors[c] : 1;
    for (size_t panel = 0; panel < panels; panel++) {
        kernels->scale(&shape, factors, packed + conv_1x1_panel(kernels, &shape, panel), scaled);
        struct conv_1x1_prefetch prefetch = conv_1x1_prefetch(kernels, &shape, packed, panel, 1, count);
        kernels->run(&shape, count, in, panel, scaled, bias + panel * kernels->panel, &prefetch,
                     out + panel * (kernels->panel / block) * shape.out_plane);
    }
    for (size_t at = 0; at < outs; at++) {
        size_t o = at / shape.out_plane * block + at % block, pixel = at % shape.out_plane / block;
        double truth = (double)before[at];
        if (at < out_blocks * shape.out_plane && pixel < count) {
            truth = sum ? truth : 0;
            for (size_t c = 0; o < outputs && c < channels; c++)
                truth += (double)in[c / block * shape.in_plane + pixel * block + c % block] *
                         (double)(weights[o * channels + c] * factors[c]);
            truth = activated(activation, truth + (o < outputs ? (double)bias[o] : 0));
        }
        if (!(fabs((double)out[at] - truth) < 1e-4))
            fail_msg("%s: %zu>%zu, %zu pixels: output %zu of pixel %zu is %g, not %g", kernels->name, channels, outputs,
                     count, o, pixel, (double)out[at], truth);
    }
    free(in);
    free(weights);
    free(bias);
    free(before);
    free(out);
    free(packed);
    free(factors);
    free(scaled);
}

static void check_shapes(const struct kernels *all)
{
    static const size_t channels[] = { 3, 16, 24, 40 }, outputs[] = { 8, 16, 24, 40, 72 };
    static const enum activation activations[] = { ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_RELU6,
                                                   ACTIVATION_SILU };
    const struct conv_1x1_kernels *kernels = all->conv_1x1;
    if (!kernels)
        return;
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        for (size_t o = 0; o < sizeof outputs / sizeof *outputs; o++)
            for (size_t count = kernels->pixels / 2; count <= 2 * kernels->pixels + 1; count++)
                check(kernels, channels[i], outputs[o], count, count % 2, activations[(i + o + count) % 4]);
    check(kernels, 64, 64, 196, true, ACTIVATION_RELU6);
}

static void the_convolution_is_as_defined(void **state)
{
    (void)state;
    each_kernels(check_shapes);
}

static void check_not_a_number(const struct kernels *all)
{
    const struct conv_1x1_kernels *kernels = all->conv_1x1;
    if (!kernels)
        return;
    const struct conv_1x1 shape = { 1, 1, 16 * 16, 16 * 16, false, ACTIVATION_RELU6 };
    float in[16 * 16] = { NAN }, weight = 1, packed[32], bias[32] = { 0 }, out[16 * 16];
    kernels->pack(&shape, &weight, packed);
    struct conv_1x1_prefetch prefetch = conv_1x1_prefetch(kernels, &shape, packed, 0, 1, 16);
    kernels->run(&shape, 16, in, 0, packed, bias, &prefetch, out);
    assert_true(isnan(out[0]));
    assert_true(out[kernels->block] == 0);
}

static void not_a_number_stays_one(void **state)
{
    (void)state;
    each_kernels(check_not_a_number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_convolution_is_as_defined),
        cmocka_unit_test(not_a_number_stays_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
