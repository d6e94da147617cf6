/* The loops of pointwise.h, for the instruction set that the including file names, LANES channels at a time, and
 * products of ROWS pixels with two blocks of outputs, which its registers hold. Not a header of its own. */
#include "lanes.h"
#include "conv_1x1_isa.h"

#define PANEL (2 * LANES)

static void weights(const struct conv_1x1 *shape, const float *from, float *packed)
{
    for (size_t o = 0; o < shape->outputs; o += PANEL)
        for (size_t c = 0; c < shape->channels; c++)
            for (size_t i = 0; i < PANEL; i++)
                *packed++ = o + i < shape->outputs ? from[(o + i) * shape->channels + c] : 0;
}

static void scale(const struct conv_1x1 *shape, const float *factors, const float *packed, float *to)
{
    for (size_t c = 0; c < shape->channels; c++, packed += PANEL, to += PANEL)
        for (size_t j = 0; j < PANEL; j += LANES)
            STORE(to + j, LOAD(packed + j) * factors[c]);
}

/* What one channel adds to the sums. */
INLINE void add_channel(size_t rows, size_t columns, const float *in, const float *packed, lanes sums[ROWS][2])
{
    lanes weight[2];
#pragma GCC unroll 2
    for (size_t j = 0; j < columns; j++)
        weight[j] = LOAD(packed + j * LANES);
#pragma GCC unroll 16
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (size_t j = 0; j < columns; j++)
            sums[r][j] += in[r * LANES] * weight[j];
}

/* `rows` pixels times `columns` blocks of outputs (both constants). */
INLINE void product(const struct conv_1x1 *shape, size_t rows, size_t columns, const float *in, const float *packed,
                    const float *bias, struct conv_1x1_prefetch prefetch, float *out)
{
    lanes sums[ROWS][2];
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
            add_channel(rows, columns, in + i, packed, sums);
    }
    for (size_t i = 0; c + i < shape->channels; i++, packed += PANEL)
        add_channel(rows, columns, in + i, packed, sums);
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
INLINE void tile(const struct conv_1x1 *shape, size_t rows, size_t columns, const float *in, const float *packed,
                 const float *bias, struct conv_1x1_prefetch prefetch, float *out)
{
#define CASE(number)                                                                                                   \
    case number:                                                                                                       \
        product(shape, number, columns, in, packed, bias, prefetch, out);                                              \
        break;
    switch (rows) {
#if ROWS == 14
        CASE(14)
        CASE(13)
        CASE(12)
        CASE(11)
        CASE(10)
        CASE(9)
        CASE(8)
        CASE(7)
#elif ROWS == 6
        CASE(6)
        CASE(5)
        CASE(4)
        CASE(3)
#endif
    }
#undef CASE
}

static void run(const struct conv_1x1 *shape, size_t count, const float *in, size_t panel, const float *packed,
                const float *bias, struct conv_1x1_prefetch *prefetch, float *out)
{
    size_t tiles = (count + ROWS - 1) / ROWS, rows = count / tiles, larger = count % tiles;
    size_t blocks = (shape->outputs - panel * PANEL + LANES - 1) / LANES;
    for (size_t t = 0; t < tiles; t++) {
        size_t these = rows + (t < larger);
        if (blocks > 1)
            tile(shape, these, 2, in, packed, bias, *prefetch, out);
        else
            tile(shape, these, 1, in, packed, bias, *prefetch, out);
        if (shape->activation == ACTIVATION_SILU)
            for (size_t j = 0; j < blocks && j < 2; j++)
                lanes_silu(out + j * shape->out_plane, these * LANES);
        prefetch->next += prefetch->lines * CONV_1X1_LINE * (shape->channels / LANES);
        in += these * LANES;
        out += these * LANES;
    }
}
