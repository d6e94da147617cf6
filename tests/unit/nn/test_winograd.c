/* The loops of Winograd's convolution on every instruction set that this CPU has, against the definition. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "nn/kernels/winograd.h"
#include "rig.h"

struct fixture {
    const struct winograd_kernels *kernels;
    struct winograd shape;
    float *in, *weights, *bias, *before, *out;
};

static float *filled(size_t count, uint64_t seed)
{
    float *numbers = malloc(count * sizeof *numbers);
    assert_non_null(numbers);
    rig_fill(numbers, count, seed);
    return numbers;
}

static size_t place_of(const struct fixture *f, size_t channels, size_t n, size_t c, size_t y, size_t x)
{
    size_t block = f->kernels->block;
    return (((n * (channels / block) + c / block) * f->shape.h + y) * f->shape.w + x) * block + c % block;
}

static double expected(const struct fixture *f, size_t n, size_t o, size_t y, size_t x)
{
    const struct winograd *s = &f->shape;
    double sum = (double)f->bias[o];
    for (size_t c = 0; c < s->channels; c++)
        for (size_t k = 0; k < 9; k++) {
            size_t row = y + k / 3, column = x + k % 3; /* behind the padding of 1 */
            if (row >= 1 && row <= s->h && column >= 1 && column <= s->w)
                sum += (double)f->in[place_of(f, s->channels, n, c, row - 1, column - 1)] *
                       (double)f->weights[(o * s->channels + c) * 9 + k];
        }
    return sum;
}

static void run(struct fixture *f, bool sum, bool relu)
{
    const struct winograd *s = &f->shape;
    size_t tiles = winograd_tiles(s), channels = s->channels, outputs = s->outputs;
    float *transformed = filled(WINOGRAD_PLACES * channels * outputs, 9);
    float *seen = filled(WINOGRAD_PLACES * WINOGRAD_ROUND * channels, 9);
    float *made = filled(WINOGRAD_PLACES * WINOGRAD_ROUND * outputs, 9);
    f->kernels->weights(s, f->weights, transformed);
    for (size_t first = 0; first < tiles; first += WINOGRAD_ROUND) {
        size_t count = tiles - first < WINOGRAD_ROUND ? tiles - first : WINOGRAD_ROUND;
        for (size_t block = 0; block < channels / f->kernels->block; block++)
            f->kernels->input(s, f->in, block, first, count, seen);
        for (size_t place = 0; place < WINOGRAD_PLACES; place++)
            f->kernels->multiply(s, place, count, seen, transformed, made);
        for (size_t block = 0; block < outputs / f->kernels->block; block++)
            f->kernels->output(s, made, f->bias, block, first, count, sum, relu, f->out);
    }
    free(transformed);
    free(seen);
    free(made);
}

static void check(const struct winograd_kernels *kernels, size_t n, size_t side, bool sum, bool relu)
{
    size_t channels = 2 * kernels->block, outputs = 2 * kernels->outputs;
    struct fixture f = { .kernels = kernels,
                         .shape = { n, channels, outputs, side, side, (side + 3) / 4, (side + 3) / 4 } };
    size_t outs = n * outputs * side * side;
    f.in = filled(n * channels * side * side, 1);
    f.weights = filled(outputs * channels * 9, 2);
    f.bias = filled(outputs, 3);
    f.before = filled(outs, 4);
    f.out = filled(outs, 4);
    run(&f, sum, relu);
    double error = 0, size = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t o = 0; o < outputs; o += 3)
            for (size_t y = 0; y < side; y++)
                for (size_t x = 0; x < side; x++) {
                    size_t at = place_of(&f, outputs, i, o, y, x);
                    double truth = expected(&f, i, o, y, x) + (sum ? (double)f.before[at] : 0);
                    truth = relu && truth < 0 ? 0 : truth;
                    error += pow((double)f.out[at] - truth, 2);
                    size += truth * truth;
                }
    if (!(sqrt(error / size) < 1e-5))
        fail_msg("%s: %zu images of %zu: off by %g", kernels->name, n, side, sqrt(error / size));
    free(f.in);
    free(f.weights);
    free(f.bias);
    free(f.before);
    free(f.out);
}

static void the_convolution_is_as_defined(void **state)
{
    (void)state;
    static const size_t blocks[] = { 16, 8 }, sides[] = { 1, 2, 4, 5, 7, 12, 14 };
    for (size_t b = 0; b < 2; b++) {
        const struct winograd_kernels *kernels = winograd_find(blocks[b]);
        if (!kernels) {
            print_message("NOT TESTED: this CPU has no loops for blocks of %zu\n", blocks[b]);
            continue;
        }
        print_message("%s\n", kernels->name);
        for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
            check(kernels, 2, sides[i], i % 2, i % 3 == 0);
        check(kernels, 9, 12, true, true); /* two rounds, the second one a few tiles */
    }
    assert_null(winograd_find(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_convolution_is_as_defined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
