/* Brightness, contrast, saturation and hue as Pillow computes them.
 *
 * Each step is written once, as a loop over a block of fixed length without branches, which the compiler turns into
 * vector code; it is compiled for each instruction set. Where Pillow computes in double, so does this: floats would
 * end up on the other side of a whole number for some colours. The Makefile forbids fused multiply-add here, which
 * rounds differently. Divisions by constants are multiplications: that these give the same bytes was tried for every
 * colour, and tests/unit/nn/test_colour.c tries it again. */
#include "colour.h"

#define inline_always static inline __attribute__((always_inline))
#define BLOCK PLANE_BLOCK

/* base + factor * (value - base), cut off at 0 and 255 and truncated. */
inline_always uint8_t blend(int base, int value, float factor)
{
    float mixed = (float)base + factor * (float)(value - base);
    mixed = mixed < 0 ? 0 : mixed;
    mixed = mixed > 255 ? 255 : mixed;
    return (uint8_t)(int)mixed;
}

inline_always uint8_t grey_of(int red, int green, int blue)
{
    return (uint8_t)((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);
}

inline_always void blend_with_level(const struct planes *planes, int base, float factor)
{
    for (size_t i = 0; i < 3 * planes->stride; i += BLOCK) {
        uint8_t *values = planes->bytes + i;
        for (int k = 0; k < BLOCK; k++)
            values[k] = blend(base, values[k], factor);
    }
}

inline_always int64_t sum_of_greys(const struct planes *planes)
{
    int64_t sum = 0;
    size_t i = 0;
    for (; i + BLOCK <= planes->pixels; i += BLOCK) {
        const uint8_t *red = planes->bytes + i, *green = red + planes->stride, *blue = green + planes->stride;
        int block = 0;
        for (int k = 0; k < BLOCK; k++)
            block += grey_of(red[k], green[k], blue[k]);
        sum += block;
    }
    for (; i < planes->pixels; i++)
        sum += grey_of(planes->bytes[i], planes->bytes[i + planes->stride], planes->bytes[i + 2 * planes->stride]);
    return sum;
}

inline_always void blend_with_grey(const struct planes *planes, float factor)
{
    for (size_t i = 0; i < planes->stride; i += BLOCK) {
        uint8_t *red = planes->bytes + i, *green = red + planes->stride, *blue = green + planes->stride;
        uint8_t grey[BLOCK];
        for (int k = 0; k < BLOCK; k++)
            grey[k] = grey_of(red[k], green[k], blue[k]);
        for (int k = 0; k < BLOCK; k++)
            red[k] = blend(grey[k], red[k], factor);
        for (int k = 0; k < BLOCK; k++)
            green[k] = blend(grey[k], green[k], factor);
        for (int k = 0; k < BLOCK; k++)
            blue[k] = blend(grey[k], blue[k], factor);
    }
}

/* Hue and saturation of 0 to 255 each; value is the largest of the three. */
inline_always void hsv_of_block(const uint8_t *restrict red, const uint8_t *restrict green,
                                const uint8_t *restrict blue, int *restrict hue, int *restrict saturation,
                                int *restrict value)
{
    for (int k = 0; k < BLOCK; k++) {
        int r = red[k], g = green[k], b = blue[k];
        int most = r > g ? r : g, least = r < g ? r : g;
        most = most > b ? most : b;
        least = least < b ? least : b;
        int range = most - least;
        /* Of grey, whose hue and saturation are 0: the divisors 1 keep it so, but for the hue. */
        float by = (float)(range ? range : 1), top = (float)(most ? most : 1);
        float from_red = (float)(most - r) / by, from_green = (float)(most - g) / by,
              from_blue = (float)(most - b) / by;
        float first = from_blue - from_green;
        float second = (float)(2.0 + (double)from_red - (double)from_blue);
        float third = (float)(4.0 + (double)from_green - (double)from_red);
        float sixth = r == most ? first : g == most ? second : third;
        double shifted = (double)sixth * (1.0 / 6.0) + 1.0;
        float part = (float)(shifted >= 1.0 ? shifted - 1.0 : shifted);
        hue[k] = range ? (int)((double)part * 255.0) : 0;
        saturation[k] = (int)((double)((float)range / top) * 255.0);
        value[k] = most;
    }
}

inline_always int rounded(double positive)
{
    return (int)(positive + 0.5);
}

/* All bits where `a` is `b`: choices by masks stay vector code, where ?: becomes branches. */
inline_always int when(int a, int b)
{
    return -(a == b);
}

inline_always void rgb_of_block(const int *restrict hue, const int *restrict saturation, const int *restrict value,
                                uint8_t *restrict red, uint8_t *restrict green, uint8_t *restrict blue)
{
    for (int k = 0; k < BLOCK; k++) {
        int sector = (hue[k] * 6 * 257 + 257) >> 16; /* hue * 6 / 255: 0 to 6, which is 0 again */
        double part = (double)(float)((hue[k] * 6 - sector * 255) * (1.0 / 255.0));
        double share = (double)(float)(saturation[k] * (1.0 / 255.0));
        int v = value[k];
        int p = rounded((double)v * (1.0 - share));
        int q = rounded((double)v * (1.0 - (double)(float)(share * part)));
        int t = rounded((double)v * (1.0 - share * (1.0 - part)));
        int in0 = when(sector, 0) | when(sector, 6), in1 = when(sector, 1), in2 = when(sector, 2);
        int in3 = when(sector, 3), in4 = when(sector, 4), in5 = when(sector, 5);
        red[k] = (uint8_t)(((in0 | in5) & v) | (in1 & q) | (in4 & t) | ((in2 | in3) & p));
        green[k] = (uint8_t)(((in1 | in2) & v) | (in0 & t) | (in3 & q) | ((in4 | in5) & p));
        blue[k] = (uint8_t)(((in3 | in4) & v) | (in2 & t) | (in5 & q) | ((in0 | in1) & p));
    }
}

inline_always void rotate_hue(const struct planes *planes, uint8_t angle)
{
    for (size_t i = 0; i < planes->stride; i += BLOCK) {
        uint8_t *red = planes->bytes + i, *green = red + planes->stride, *blue = green + planes->stride;
        int hue[BLOCK], saturation[BLOCK], value[BLOCK];
        hsv_of_block(red, green, blue, hue, saturation, value);
        for (int k = 0; k < BLOCK; k++)
            hue[k] = (hue[k] + angle) & 255;
        rgb_of_block(hue, saturation, value, red, green, blue);
    }
}

/* Pillow's mean, rounded as ImageEnhance does. */
inline_always int mean_grey(const struct planes *planes)
{
    return (int)((double)sum_of_greys(planes) / (double)planes->pixels + 0.5);
}

#define TABLE(isa, attribute)                                                                                          \
    attribute static void brightness_##isa(const struct planes *planes, float factor)                                  \
    {                                                                                                                  \
        blend_with_level(planes, 0, factor);                                                                           \
    }                                                                                                                  \
    attribute static void contrast_##isa(const struct planes *planes, float factor)                                    \
    {                                                                                                                  \
        blend_with_level(planes, mean_grey(planes), factor);                                                           \
    }                                                                                                                  \
    attribute static void saturation_##isa(const struct planes *planes, float factor)                                  \
    {                                                                                                                  \
        blend_with_grey(planes, factor);                                                                               \
    }                                                                                                                  \
    attribute static void hue_##isa(const struct planes *planes, uint8_t angle)                                        \
    {                                                                                                                  \
        rotate_hue(planes, angle);                                                                                     \
    }                                                                                                                  \
    static const struct colour_table table_##isa = { #isa, brightness_##isa, contrast_##isa, saturation_##isa,         \
                                                     hue_##isa };

TABLE(plain, )
#ifdef __x86_64__
TABLE(avx2, __attribute__((target("avx2"))))
#ifndef __clang__ /* which knows no such preference, and fuzzes */
TABLE(avx512, __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512"))))
#endif
#endif

const struct colour_table *colour_table(enum isa isa)
{
    isa = cpu_isa(isa);
#ifdef __x86_64__
#ifndef __clang__
    if (isa == ISA_AVX512)
        return &table_avx512;
#endif
    if (isa >= ISA_AVX2)
        return &table_avx2;
#endif
    return &table_plain;
}
