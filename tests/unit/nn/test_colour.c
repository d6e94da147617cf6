/* Every colour through every step, against Pillow's formulas written as Pillow computes them. (That these are
 * Pillow's, test_augment.c shows by its pixels.) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "nn/data/colour.h"

#define COLOURS ((size_t)1 << 24)
#define STEP 251 /* prime: one colour in that many, where all would take too long */

static const enum isa isas[] = { ISA_PLAIN, ISA_AVX2, ISA_AVX512 };

static uint8_t clip8(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void to_hsv(const uint8_t rgb[3], uint8_t hsv[3])
{
    uint8_t r = rgb[0], g = rgb[1], b = rgb[2];
    uint8_t most = r > g ? r : g, least = r < g ? r : g;
    most = most > b ? most : b;
    least = least < b ? least : b;
    hsv[0] = hsv[1] = 0;
    hsv[2] = most;
    if (most == least)
        return;
    float range = (float)(most - least), s = range / (float)most, h;
    float rc = (float)(most - r) / range, gc = (float)(most - g) / range, bc = (float)(most - b) / range;
    if (r == most)
        h = bc - gc;
    else if (g == most)
        h = (float)(2.0 + rc - bc);
    else
        h = (float)(4.0 + gc - rc);
    h = (float)fmod(h / 6.0 + 1.0, 1.0);
    hsv[0] = clip8((int)(h * 255.0));
    hsv[1] = clip8((int)(s * 255.0));
}

static void to_rgb(const uint8_t hsv[3], uint8_t rgb[3])
{
    float h = hsv[0], v = hsv[2], s = (float)hsv[1] / 255.0f;
    float sector = (float)floor(h * 6.0 / 255.0), f = (float)(h * 6.0 / 255.0 - sector);
    uint8_t p = clip8((int)round(v * (1.0 - s))), q = clip8((int)round(v * (1.0 - s * f)));
    uint8_t t = clip8((int)round(v * (1.0 - s * (1.0 - f)))), top = hsv[2];
    const uint8_t choices[6][3] = { { top, t, p }, { q, top, p }, { p, top, t },
                                    { p, q, top }, { t, p, top }, { top, p, q } };
    for (int c = 0; c < 3; c++)
        rgb[c] = hsv[1] ? choices[(int)sector % 6][c] : top;
}

static struct planes planes_new(size_t pixels)
{
    struct planes planes = { .pixels = pixels, .stride = plane_stride(pixels) };
    planes.bytes = calloc(3, planes.stride);
    assert_non_null(planes.bytes);
    return planes;
}

/* Each STEP-th colour from `first`. */
static struct planes colours_from(size_t first)
{
    struct planes planes = planes_new((COLOURS - first + STEP - 1) / STEP);
    for (size_t i = 0, colour = first; colour < COLOURS; i++, colour += STEP)
        for (size_t c = 0; c < 3; c++)
            planes.bytes[c * planes.stride + i] = (uint8_t)(colour >> 8 * c);
    return planes;
}

static void expect(const struct planes *planes, size_t first, const char *what,
                   void (*formula)(const uint8_t rgb[3], double amount, uint8_t out[3]), double amount)
{
    for (size_t i = 0; i < planes->pixels; i++) {
        size_t colour = first + i * STEP;
        uint8_t rgb[3] = { (uint8_t)colour, (uint8_t)(colour >> 8), (uint8_t)(colour >> 16) }, out[3];
        formula(rgb, amount, out);
        for (size_t c = 0; c < 3; c++)
            if (planes->bytes[c * planes->stride + i] != out[c])
                fail_msg("%s %g: channel %zu of %06zx is %d, not %d", what, amount, c, colour,
                         planes->bytes[c * planes->stride + i], out[c]);
    }
}

static void rotated(const uint8_t rgb[3], double turn, uint8_t out[3])
{
    uint8_t hsv[3];
    to_hsv(rgb, hsv);
    hsv[0] = (uint8_t)(hsv[0] + (int)turn);
    to_rgb(hsv, out);
}

static void every_turn_of_the_hue_is_pillows(void **state)
{
    (void)state;
    for (size_t turn = 0; turn < 256; turn++) {
        enum isa isa = isas[turn % 3];
        struct planes planes = colours_from(turn % STEP);
        colour_table(isa)->hue(&planes, (uint8_t)turn);
        expect(&planes, turn % STEP, colour_table(isa)->name, rotated, (double)turn);
        free(planes.bytes);
    }
}

static uint8_t blended(int base, int value, double factor)
{
    volatile float change = (float)factor * (float)(value - base), mixed = (float)base + change;
    return mixed <= 0 ? 0 : mixed >= 255 ? 255 : (uint8_t)mixed;
}

static int grey_of(const uint8_t rgb[3])
{
    return (rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16;
}

static void brightened(const uint8_t rgb[3], double factor, uint8_t out[3])
{
    for (int c = 0; c < 3; c++)
        out[c] = blended(0, rgb[c], factor);
}

static void saturated(const uint8_t rgb[3], double factor, uint8_t out[3])
{
    for (int c = 0; c < 3; c++)
        out[c] = blended(grey_of(rgb), rgb[c], factor);
}

static int mean; /* of the greys of the colours in hand */

static void contrasted(const uint8_t rgb[3], double factor, uint8_t out[3])
{
    for (int c = 0; c < 3; c++)
        out[c] = blended(mean, rgb[c], factor);
}

static int mean_grey(const struct planes *planes)
{
    double sum = 0;
    for (size_t i = 0; i < planes->pixels; i++) {
        uint8_t rgb[3] = { planes->bytes[i], planes->bytes[planes->stride + i], planes->bytes[2 * planes->stride + i] };
        sum += grey_of(rgb);
    }
    return (int)(sum / (double)planes->pixels + 0.5);
}

static void factors_are_pillows(void **state)
{
    (void)state;
    static const double factors[] = { 0, 0.5, 0.8, 0.913, 1, 1.0411, 1.2, 2.5 };
    for (size_t i = 0; i < 3 * sizeof(factors) / sizeof(factors[0]); i++) {
        const struct colour_table *table = colour_table(isas[i % 3]);
        double factor = factors[i / 3];
        struct planes planes = colours_from(i);
        table->brightness(&planes, (float)factor);
        expect(&planes, i, table->name, brightened, factor);
        free(planes.bytes);
        planes = colours_from(i);
        table->saturation(&planes, (float)factor);
        expect(&planes, i, table->name, saturated, factor);
        free(planes.bytes);
        planes = colours_from(i);
        mean = mean_grey(&planes);
        table->contrast(&planes, (float)factor);
        expect(&planes, i, table->name, contrasted, factor);
        free(planes.bytes);
    }
}

static void what_lies_behind_the_last_pixel_does_not_count(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct planes planes = planes_new(70);
        for (size_t k = 0; k < 3 * planes.stride; k++)
            planes.bytes[k] = k % planes.stride < 70 ? 100 : 255;
        colour_table(isas[i])->contrast(&planes, 0);
        for (size_t k = 0; k < 70; k++)
            assert_int_equal(planes.bytes[k], 100);
        free(planes.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_turn_of_the_hue_is_pillows),
        cmocka_unit_test(factors_are_pillows),
        cmocka_unit_test(what_lies_behind_the_last_pixel_does_not_count),
    };
    return cmocka_run_group_tests_name("colour", tests, NULL, NULL);
}
