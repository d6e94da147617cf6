/* 3x3 convolutions of stride 1 and padding 1 by Winograd's minimal filtering, F(4x4, 3x3): Lavin and Gray, "Fast
 * Algorithms for Convolutional Neural Networks" (2015). A tile of 4x4 outputs takes 36 multiplications a pair of
 * channels instead of 144, at the price of transforming the 6x6 inputs that it sees and of about one decimal digit.
 *
 * With g a 3x3 kernel, d the input of a tile and y its output, y = A^T m A of m = u * v, u = G g G^T and v = B^T d B,
 * `*` being by element of the 6x6; all channels together that is a product of matrices an element. The gradient of the
 * data is such a convolution too, of the gradient of the output with the kernels rotated by 180°. The gradient of the
 * weights is dg = G^T du G of du = v * dm, summed over the tiles, and dm = A dy A^T.
 *
 * These are the loops; winograd_pass.h and winograd_wgrad.h put them together. Input and output are blocked:
 * (N, C/B, H, W, B). What lies between the steps is cut into pieces that stay in a cache:
 *
 *     chunk     WINOGRAD_DEPTH channels that are summed over at a time
 *     panel     outputs whose sums the registers hold
 *     u, du     (36, depth, panel): transformed weights of a chunk and a panel
 *     v         (36, count, DEPTH): transformed input of a chunk, for `count` tiles in a row
 *     m, dm     (36, count, panel): transformed output of a panel
 *
 * each of the 36 matrices followed by a gap, or they would all fall on the same few cache lines. */
#ifndef DCLS_NN_KERNELS_WINOGRAD_H
#define DCLS_NN_KERNELS_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/graph/value_type.h"

#define WINOGRAD_TILE_ELEMENTS 36
#define WINOGRAD_DEPTH 64
#define WINOGRAD_GAP 16           /* floats: a cache line */
#define WINOGRAD_SINGLE_ROUND 128 /* tiles that are no more than these go in one round */

struct winograd {
    size_t n, channels, outputs, h, w;
    size_t tiles_y, tiles_x; /* of an image: its sides over 4, rounded up */
};

/* What happens to a result as it is written: plus bias (one an output; NULL: none), plus what is there, then
 * max(0, .). */
struct winograd_end {
    const float *bias;
    bool sum, relu;
};

struct winograd_kernels {
    const char *name;
    size_t block; /* B; channels are multiples of it */
    size_t panel; /* outputs are multiples of it */
    size_t rows;  /* tiles that multiply takes at a time: multiples of it are the best counts */
    /* Weights (O, C, 3, 3), or rotated those of the data's gradient, (C, O, 3, 3), to (depth, 9, panel) of a chunk and
     * a panel. */
    void (*pack)(const struct winograd *shape, const float *weights, bool rotated, size_t chunk, size_t panel,
                 float *packed);
    /* `depth` channels of that to u. */
    void (*weight_transform)(size_t depth, const float *packed, float *u);
    /* Tiles [first, first + count) of a chunk to v. */
    void (*input_transform)(const struct winograd *shape, const float *in, size_t chunk, size_t first, size_t count,
                            float *v);
    /* m = v * u, plus what is in m (`add`), element by element. Meanwhile the packed weights at `prefetch` (NULL:
     * none), of a chunk and a panel, come into the cache. */
    void (*multiply)(size_t depth, size_t count, const float *v, const float *u, bool add, const float *prefetch,
                     float *m);
    /* m to the outputs of a panel. */
    void (*output_transform)(const struct winograd *shape, const float *m, const struct winograd_end *end, size_t panel,
                             size_t first, size_t count, float *out);
    /* The gradients of the outputs of a panel to dm. */
    void (*output_grad_transform)(const struct winograd *shape, const float *dout, size_t panel, size_t first,
                                  size_t count, float *dm);
    /* du (36, channels, panel) = v transposed * dm, plus what is there (`add`), of `channels` channels of a chunk, the
     * first of which v points to. */
    void (*multiply_grad)(size_t channels, size_t count, const float *v, const float *dm, bool add, float *du);
    /* du of channels [first, first + channels) and a panel to the gradient of the weights (O, C, 3, 3). */
    void (*weight_grad_transform)(const struct winograd *shape, size_t first, size_t channels, size_t panel,
                                  const float *du, float *dweights);
};

static inline size_t winograd_tiles(const struct winograd *shape)
{
    return shape->n * shape->tiles_y * shape->tiles_x;
}

static inline size_t winograd_chunks(const struct winograd *shape)
{
    return (shape->channels + WINOGRAD_DEPTH - 1) / WINOGRAD_DEPTH;
}

static inline size_t winograd_depth(const struct winograd *shape, size_t chunk)
{
    size_t left = shape->channels - chunk * WINOGRAD_DEPTH;
    return left < WINOGRAD_DEPTH ? left : WINOGRAD_DEPTH;
}

/* Tiles of a round whose v take about so many bytes: multiples of `step`, and no fewer than `least`. */
static inline size_t winograd_round(const struct winograd *shape, size_t bytes, size_t step, size_t least)
{
    size_t tiles = winograd_tiles(shape);
    size_t round = bytes / floats_bytes(WINOGRAD_TILE_ELEMENTS * shape->channels) / step * step;
    if (tiles <= WINOGRAD_SINGLE_ROUND)
        return tiles;
    return round > least ? round : least;
}

/* Floats of 36 matrices (rows, columns) with their gaps. */
static inline size_t winograd_floats(size_t rows, size_t columns)
{
    return WINOGRAD_TILE_ELEMENTS * (rows * columns + WINOGRAD_GAP);
}

#endif
