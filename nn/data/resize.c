/* Antialiased bilinear resizing with Pillow's arithmetic, so that evaluation sees the pixels that PIL's resize() gives:
 * a triangle filter as wide as the reduction, its weights normalised in double and rounded to 22-bit fixed point, a
 * horizontal pass into 8-bit rows, then a vertical pass; a pass whose size does not change is left out.
 *
 * Rows are taken in bands, and a row of the result is made as soon as those that it needs have passed: what is kept of
 * the image between is a few rows of the new width, which stay in the cache. */
#include "resize.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "resize_passes.h"

/* libjpeg-turbo writes rows that begin on a boundary of 32 bytes past the cache, and they are read at once. */
#define BAND_OFFSET 16

struct resize_scratch {
    const struct resize_passes *passes;
    struct taps across, down;
    uint8_t *band; /* (RESIZE_BAND, band_stride): rows as they come */
    size_t band_cap, band_stride;
    uint8_t *ring; /* (ring_rows, ring_stride): rows after the horizontal pass, row y at y % ring_rows */
    size_t ring_cap, ring_stride;
    int ring_rows;             /* a multiple of RESIZE_BAND */
    const uint8_t **down_rows; /* (down.width) of the row that the vertical pass makes */
    size_t down_rows_cap;

    int from_width, from_height, width, height;
    int come, in_band; /* rows of the image that passed, and that wait in the band */
    int made;          /* rows of the result */
    uint8_t *out;
};

struct resize_scratch *resize_scratch_new(void)
{
    return resize_scratch_new_on(ISA_BEST);
}

struct resize_scratch *resize_scratch_new_on(enum isa isa)
{
    struct resize_scratch *scratch = calloc(1, sizeof(*scratch));
    if (scratch)
        scratch->passes = resize_passes(isa);
    return scratch;
}

static void taps_release(struct taps *taps)
{
    free(taps->first);
    free(taps->count);
    free(taps->weights);
    free(taps->pairs);
}

void resize_scratch_free(struct resize_scratch *scratch)
{
    if (!scratch)
        return;
    taps_release(&scratch->across);
    taps_release(&scratch->down);
    free(scratch->band);
    free(scratch->ring);
    free(scratch->down_rows);
    free(scratch);
}

/* Room for `count` items of `size` bytes, on a boundary for vectors; what was there is lost. */
static int reserve(void **memory, size_t *cap, size_t count, size_t size)
{
    if (count <= *cap)
        return 0;
    void *larger = aligned_alloc(64, (count * size + 63) / 64 * 64);
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

/* (2, 16) of four weights: see struct taps. */
static void pairs_make(const int weights[4], int16_t *pairs)
{
    memset(pairs, 0, 32 * sizeof(*pairs));
    for (int k = 0; k < 4; k++)
        for (int c = 0; c < 3; c++) {
            int at = k / 2 * 8 + c * 2 + k % 2;
            pairs[at] = (int16_t)(weights[k] >> 11);
            pairs[16 + at] = (int16_t)(weights[k] & 2047);
        }
}

static int taps_make(struct taps *taps, int from, int to, bool pairs)
{
    if (taps->from == from && taps->to == to)
        return 0;
    double scale = (double)from / to, reduction = scale < 1 ? 1 : scale;
    double support = reduction; /* the triangle's half width */
    taps->from = taps->to = 0;
    taps->width = ((int)ceil(support) * 2 + 1 + 3) / 4 * 4;
    if (reserve_positions(taps, (size_t)to) ||
        reserve((void **)&taps->weights, &taps->weights_cap, (size_t)to * taps->width, sizeof(int)) ||
        (pairs && reserve((void **)&taps->pairs, &taps->pairs_cap, (size_t)to * taps->width * 8, sizeof(int16_t))))
        return -1;
    memset(taps->weights, 0, (size_t)to * taps->width * sizeof(int));
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
                    weights[k] = (int)(0.5 + (sum != 0 ? weight / sum : weight) * (1 << RESIZE_BITS));
            }
        taps->first[i] = first;
        taps->count[i] = count;
    }
    if (pairs)
        for (size_t i = 0; i < (size_t)to * taps->width; i += 4)
            pairs_make(taps->weights + i, taps->pairs + i * 8);
    taps->from = from;
    taps->to = to;
    return 0;
}

int resize_start(struct resize_scratch *scratch, int from_width, int from_height, int to_width, int to_height,
                 uint8_t *out, struct err *err)
{
    if (to_width < 1 || to_height < 1 || to_width > IMAGE_MAX_SIDE || to_height > IMAGE_MAX_SIDE)
        return err_set(err, "cannot resize an image to %dx%d pixels", to_width, to_height);
    scratch->from_width = from_width;
    scratch->from_height = from_height;
    scratch->width = to_width;
    scratch->height = to_height;
    scratch->come = scratch->in_band = scratch->made = 0;
    scratch->out = out;
    scratch->band_stride = (BAND_OFFSET + (size_t)from_width * 3 + RESIZE_SLACK + 63) / 64 * 64;
    scratch->ring_stride = (size_t)to_width * 3 + RESIZE_SLACK;
    bool across = to_width != from_width, down = to_height != from_height;
    if ((across && taps_make(&scratch->across, from_width, to_width, scratch->passes->pairs)) ||
        (down && taps_make(&scratch->down, from_height, to_height, false)))
        goto no_memory;
    scratch->ring_rows = RESIZE_BAND;
    if (down)
        scratch->ring_rows += scratch->down.width;
    if (reserve((void **)&scratch->band, &scratch->band_cap, scratch->band_stride * RESIZE_BAND, 1) ||
        reserve((void **)&scratch->ring, &scratch->ring_cap, scratch->ring_stride * scratch->ring_rows, 1) ||
        (down && reserve((void **)&scratch->down_rows, &scratch->down_rows_cap, (size_t)scratch->down.width,
                         sizeof(*scratch->down_rows))))
        goto no_memory;
    return 0;
no_memory:
    return err_set(err, "no memory to resize an image of %dx%d pixels", from_width, from_height);
}

static uint8_t *band_row(const struct resize_scratch *scratch, int r)
{
    return scratch->band + (size_t)r * scratch->band_stride + BAND_OFFSET;
}

static uint8_t *ring_row(const struct resize_scratch *scratch, int y)
{
    return scratch->ring + (size_t)(y % scratch->ring_rows) * scratch->ring_stride;
}

/* Makes the rows of the result whose own rows have all come. */
static void make_rows(struct resize_scratch *scratch)
{
    size_t samples = (size_t)scratch->width * 3;
    for (; scratch->made < scratch->height; scratch->made++) {
        uint8_t *out = scratch->out + samples * (size_t)scratch->made;
        if (scratch->height == scratch->from_height) {
            if (scratch->made >= scratch->come)
                return;
            memcpy(out, ring_row(scratch, scratch->made), samples);
            continue;
        }
        int first = scratch->down.first[scratch->made], count = scratch->down.count[scratch->made];
        if (first + count > scratch->come)
            return;
        for (int k = 0; k < count; k++)
            scratch->down_rows[k] = ring_row(scratch, first + k);
        scratch->passes->down(scratch->down_rows, scratch->down.weights + (size_t)scratch->made * scratch->down.width,
                              count, samples, out);
    }
}

/* Takes `count` further rows, of which there are RESIZE_BAND but at the end. */
static void take_band(struct resize_scratch *scratch, const uint8_t *rows[RESIZE_BAND], int count)
{
    uint8_t *to = ring_row(scratch, scratch->come);
    for (int r = count; r < RESIZE_BAND; r++)
        rows[r] = rows[0]; /* room for its result there is, and no one reads it */
    if (scratch->width != scratch->from_width)
        scratch->passes->across(&scratch->across, rows, scratch->width, to, scratch->ring_stride);
    else
        for (int r = 0; r < count; r++)
            memcpy(to + (size_t)r * scratch->ring_stride, rows[r], (size_t)scratch->width * 3);
    scratch->come += count;
    make_rows(scratch);
}

uint8_t *resize_room(struct resize_scratch *scratch)
{
    return band_row(scratch, scratch->in_band);
}

void resize_row(struct resize_scratch *scratch)
{
    int count = ++scratch->in_band;
    if (count < RESIZE_BAND && scratch->come + count < scratch->from_height)
        return;
    const uint8_t *rows[RESIZE_BAND] = { 0 };
    for (int r = 0; r < count; r++)
        rows[r] = band_row(scratch, r);
    scratch->in_band = 0;
    take_band(scratch, rows, count);
}

int image_resize(const struct image *image, int width, int height, uint8_t *out, struct resize_scratch *scratch,
                 struct err *err)
{
    if (resize_start(scratch, image->width, image->height, width, height, out, err))
        return -1;
    size_t stride = (size_t)image->width * 3, total = stride * (size_t)image->height;
    for (int y = 0; y < image->height; y += RESIZE_BAND) {
        int count = image->height - y < RESIZE_BAND ? image->height - y : RESIZE_BAND;
        const uint8_t *rows[RESIZE_BAND] = { 0 };
        for (int r = 0; r < count; r++) {
            size_t at = stride * (size_t)(y + r);
            rows[r] = image->rgb + at;
            if (total - at < stride + RESIZE_SLACK) /* the last rows have nothing behind them to be read */
                rows[r] = memcpy(band_row(scratch, r), rows[r], stride);
        }
        take_band(scratch, rows, count);
    }
    return 0;
}
