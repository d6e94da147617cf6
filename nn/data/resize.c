/* Antialiased bilinear resizing with Pillow's arithmetic, so that evaluation sees the pixels that PIL's resize() gives:
 * a triangle filter as wide as the reduction, its weights normalised in double and rounded to 22-bit fixed point, a
 * horizontal pass into 8-bit rows, then a vertical pass; a pass whose size does not change is left out. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

#define FRACTION_BITS 22 /* 8 bits of value and 2 for overshoot remain of 32 */

/* The weights of each output position over a run of input positions. */
struct taps {
    int width;    /* room for weights at each position */
    int *first;   /* (size) first input position */
    int *count;   /* (size) */
    int *weights; /* (size, width), never negative */
    size_t positions_cap, weights_cap;
    int from, to; /* what they were made for; 0: nothing yet */
};

struct resize_scratch {
    struct taps across, down;
    uint8_t *rows; /* (height, new width, 3) after the horizontal pass */
    size_t rows_cap;
    int *sums; /* (new width, 3) of the row that the vertical pass makes */
    size_t sums_cap;
};

struct resize_scratch *resize_scratch_new(void)
{
    return calloc(1, sizeof(struct resize_scratch));
}

static void taps_release(struct taps *taps)
{
    free(taps->first);
    free(taps->count);
    free(taps->weights);
}

void resize_scratch_free(struct resize_scratch *scratch)
{
    if (!scratch)
        return;
    taps_release(&scratch->across);
    taps_release(&scratch->down);
    free(scratch->rows);
    free(scratch->sums);
    free(scratch);
}

/* Room for `count` items of `size` bytes; what was there is lost. */
static int reserve(void **memory, size_t *cap, size_t count, size_t size)
{
    if (count <= *cap)
        return 0;
    void *larger = malloc(count * size);
    if (!larger)
        return -1;
    free(*memory);
    *memory = larger;
    *cap = count;
    return 0;
}

/* reserve() for the two arrays of one item a position. */
static int reserve_positions(struct taps *taps, size_t count)
{
    size_t cap = taps->positions_cap;
    if (reserve((void **)&taps->first, &cap, count, sizeof(int)))
        return -1;
    return reserve((void **)&taps->count, &taps->positions_cap, count, sizeof(int));
}

static int taps_make(struct taps *taps, int from, int to)
{
    if (taps->from == from && taps->to == to)
        return 0;
    double scale = (double)from / to, reduction = scale < 1 ? 1 : scale;
    double support = reduction; /* the triangle's half width */
    taps->from = taps->to = 0;
    taps->width = (int)ceil(support) * 2 + 1;
    if (reserve_positions(taps, (size_t)to) ||
        reserve((void **)&taps->weights, &taps->weights_cap, (size_t)to * taps->width, sizeof(int)))
        return -1;
    for (int i = 0; i < to; i++) {
        double centre = (i + 0.5) * scale, per_pixel = 1.0 / reduction, sum = 0;
        int first = (int)(centre - support + 0.5), last = (int)(centre + support + 0.5);
        first = first < 0 ? 0 : first;
        last = last > from ? from : last;
        int count = last - first, *weights = taps->weights + (size_t)i * taps->width;
        /* The sum is taken in the order of the taps, and each weight is computed anew rather than kept in double. */
        for (int pass = 0; pass < 2; pass++)
            for (int k = 0; k < count; k++) {
                double distance = fabs((k + first - centre + 0.5) * per_pixel);
                double weight = distance < 1 ? 1 - distance : 0;
                if (pass == 0)
                    sum += weight;
                else
                    weights[k] = (int)(0.5 + (sum != 0 ? weight / sum : weight) * (1 << FRACTION_BITS));
            }
        taps->first[i] = first;
        taps->count[i] = count;
    }
    taps->from = from;
    taps->to = to;
    return 0;
}

static inline uint8_t level(int sum)
{
    int value = sum >> FRACTION_BITS;
    return (uint8_t)(value > 255 ? 255 : value);
}

static void pass_across(const struct image *image, const struct taps *taps, int width, uint8_t *out)
{
    for (int y = 0; y < image->height; y++) {
        const uint8_t *row = image->rgb + (size_t)y * image->width * 3;
        for (int x = 0; x < width; x++, out += 3) {
            const uint8_t *from = row + (size_t)taps->first[x] * 3;
            const int *weights = taps->weights + (size_t)x * taps->width;
            int red = 1 << (FRACTION_BITS - 1), green = red, blue = red;
            for (int k = 0, count = taps->count[x]; k < count; k++, from += 3) {
                red += from[0] * weights[k];
                green += from[1] * weights[k];
                blue += from[2] * weights[k];
            }
            out[0] = level(red);
            out[1] = level(green);
            out[2] = level(blue);
        }
    }
}

/* A row at a time, all its samples with one weight: loops that the compiler turns into vector code. */
static void pass_down(const uint8_t *rows, const struct taps *taps, int width, int height, int *restrict sums,
                      uint8_t *restrict out)
{
    size_t samples = (size_t)width * 3;
    for (int y = 0; y < height; y++, out += samples) {
        const int *weights = taps->weights + (size_t)y * taps->width;
        for (size_t i = 0; i < samples; i++)
            sums[i] = 1 << (FRACTION_BITS - 1);
        for (int k = 0; k < taps->count[y]; k++) {
            const uint8_t *restrict row = rows + (size_t)(taps->first[y] + k) * samples;
            int weight = weights[k];
            for (size_t i = 0; i < samples; i++)
                sums[i] += row[i] * weight;
        }
        for (size_t i = 0; i < samples; i++)
            out[i] = level(sums[i]);
    }
}

int image_resize(const struct image *image, int width, int height, uint8_t *out, struct resize_scratch *scratch,
                 struct err *err)
{
    if (width < 1 || height < 1 || width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        return err_set(err, "cannot resize an image to %dx%d pixels", width, height);
    bool across = width != image->width, down = height != image->height;
    size_t samples = (size_t)width * 3;
    if (!across && !down) {
        memcpy(out, image->rgb, samples * height);
        return 0;
    }
    if ((across && taps_make(&scratch->across, image->width, width)) ||
        (down && taps_make(&scratch->down, image->height, height)) ||
        (across && down && reserve((void **)&scratch->rows, &scratch->rows_cap, samples * image->height, 1)) ||
        (down && reserve((void **)&scratch->sums, &scratch->sums_cap, samples, sizeof(int))))
        return err_set(err, "no memory to resize an image of %dx%d pixels", image->width, image->height);
    if (across)
        pass_across(image, &scratch->across, width, down ? scratch->rows : out);
    if (down)
        pass_down(across ? scratch->rows : image->rgb, &scratch->down, width, height, scratch->sums, out);
    return 0;
}
