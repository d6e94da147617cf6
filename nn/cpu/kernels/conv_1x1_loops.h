/* The loops of conv_1x1.h, for the instruction set that the including file names: tiles of ROWS pixels and two blocks
 * of outputs. Not a header of its own. */
#include <assert.h>

#include "conv_1x1.h"
#include "register_tile.h"

static void conv_1x1_pack(const struct conv_1x1 *shape, const float *from, float *packed)
{
    for (size_t o = 0; o < shape->outputs; o += PANEL)
        for (size_t c = 0; c < shape->channels; c++)
            for (size_t i = 0; i < PANEL; i++)
                *packed++ = o + i < shape->outputs ? from[(o + i) * shape->channels + c] : 0;
}

static void conv_1x1_scale(const struct conv_1x1 *shape, const float *factors, const float *packed, float *to)
{
    for (size_t c = 0; c < shape->channels; c++, packed += PANEL, to += PANEL)
        for (size_t j = 0; j < PANEL; j += LANES)
            STORE(to + j, LOAD(packed + j) * factors[c]);
}

/* `rows` pixels times `columns` blocks of outputs (both constants). */
INLINE void conv_1x1_product(const struct conv_1x1 *shape, size_t rows, size_t columns, const float *in,
                             const float *packed, const float *bias, struct conv_1x1_prefetch prefetch, float *out)
{
    lanes sums[ROWS][COLUMNS];
#pragma GCC unroll 16
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (size_t j = 0; j < columns; j++)
            sums[r][j] = LOAD(bias + j * LANES);
    size_t c = 0;
    for (; c + LANES <= shape->channels; c += LANES, in += shape->in_plane) {
        if (prefetch.pixels)
#pragma GCC unroll 16
            for (size_t r = 0; r < rows; r++)
                __builtin_prefetch(in + (rows + r) * LANES, 0, 3);
        for (size_t i = 0; i < prefetch.lines; i++, prefetch.next += CONV_1X1_LINE)
            __builtin_prefetch(prefetch.next, 0, 2);
#pragma GCC unroll 4
        for (size_t i = 0; i < LANES; i++, packed += PANEL)
            tile_add(rows, columns, in + i, LANES, packed, sums);
    }
    for (size_t i = 0; c + i < shape->channels; i++, packed += PANEL)
        tile_add(rows, columns, in + i, LANES, packed, sums);
    const struct lanes_bounds bounds = lanes_bounds(shape->activation);
    size_t out_plane = shape->out_plane;
    if (shape->sum)
#pragma GCC unroll 16
        for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 2
            for (size_t j = 0; j < columns; j++)
                sums[r][j] += LOAD(out + j * out_plane + r * LANES);
#pragma GCC unroll 16
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (size_t j = 0; j < columns; j++)
            STORE(out + j * out_plane + r * LANES, lanes_clamp(&bounds, sums[r][j]));
}

/* `rows` of a number that the compiler does not know: from half of ROWS to all of them. */
INLINE void conv_1x1_tile(const struct conv_1x1 *shape, size_t rows, size_t columns, const float *in,
                          const float *packed, const float *bias, struct conv_1x1_prefetch prefetch, float *out)
{
#define CASE(number)                                                                                                   \
    case number: conv_1x1_product(shape, number, columns, in, packed, bias, prefetch, out); break;
    switch (rows) {
        CASES_OF_MANY_ROWS(CASE)
    }
#undef CASE
}

static void conv_1x1_run(const struct conv_1x1 *shape, size_t count, const float *in, size_t panel, const float *packed,
                         const float *bias, struct conv_1x1_prefetch *prefetch, float *out)
{
    size_t tiles = (count + ROWS - 1) / ROWS, rows = count / tiles, larger = count % tiles;
    size_t blocks = (shape->outputs - panel * PANEL + LANES - 1) / LANES;
    assert(count >= ROWS / 2 && panel * PANEL < shape->outputs && shape->activation != ACTIVATION_SIGMOID);
    for (size_t t = 0; t < tiles; t++) {
        size_t these = rows + (t < larger);
        if (blocks > 1)
            conv_1x1_tile(shape, these, 2, in, packed, bias, *prefetch, out);
        else
            conv_1x1_tile(shape, these, 1, in, packed, bias, *prefetch, out);
        if (shape->activation == ACTIVATION_SILU)
            for (size_t j = 0; j < blocks && j < 2; j++)
                lanes_silu(out + j * shape->out_plane, these * LANES);
        prefetch->next += prefetch->lines * CONV_1X1_LINE * (shape->channels / LANES);
        in += these * LANES;
        out += these * LANES;
    }
}

static const struct conv_1x1_kernels conv_1x1_kernels = { .name = "conv_1x1:" ISA_NAME,
                                                          .block = LANES,
                                                          .panel = PANEL,
                                                          .pixels = ROWS,
                                                          .pack = conv_1x1_pack,
                                                          .scale = conv_1x1_scale,
                                                          .run = conv_1x1_run };
