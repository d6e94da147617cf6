/* 3x3 convolutions of stride 1 and padding 1 by Winograd's minimal filtering, F(4x4, 3x3): Lavin and Gray, "Fast
 * Algorithms for Convolutional Neural Networks" (2015). A tile of 4x4 outputs takes 36 multiplications a pair of
 * channels instead of 144, at the price of transforming the 6x6 inputs that it sees and of about one decimal digit.
 *
 * With g a 3x3 kernel, d what a tile sees and y what it makes, y = A^T ((G g G^T) * (B^T d B)) A, `*` being by place of
 * the 6x6; all channels together that is a product of matrices a place. The gradient of the data is such a convolution
 * too, of the gradient of the output with the kernels rotated by 180°. The gradient of the weights is
 * dg = G^T ((B^T d B) * (A dy A^T)) G, summed over the tiles.
 *
 * These are the loops; winograd_pass.h and winograd_wgrad.h put them together. Input and output are blocked:
 * (N, C/B, H, W, B). What lies between the steps is cut into pieces that stay in a cache:
 *
 *     chunk     WINOGRAD_DEPTH channels that are summed over at a time
 *     panel     outputs whose sums the registers hold
 *     seen      (36, count, DEPTH) of a chunk, and made (36, count, panel) of a panel, for `count` tiles in a row
 *     kernels   (36, DEPTH, panel): the transformed weights of a chunk and a panel
 *
 * each of the 36 followed by a gap, or they would all fall on the same few lines of the cache. */
#ifndef DCLS_NN_KERNELS_WINOGRAD_H
#define DCLS_NN_KERNELS_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

#define WINOGRAD_TILE_ELEMENTS 36
#define WINOGRAD_DEPTH 64
#define WINOGRAD_GAP 16           /* floats: a line of the cache */
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
    /* Weights (O, C, 3, 3), or turned those of the data's gradient, (C, O, 3, 3), to (DEPTH, 9, panel) of a chunk and a
     * panel. */
    void (*pack)(const struct winograd *shape, const float *weights, bool rotated, size_t chunk, size_t panel,
                 float *packed);
    /* `depth` channels of that to `kernels`. */
    void (*weight_transform)(size_t depth, const float *packed, float *kernels);
    /* Tiles [first, first + count) of a chunk -> seen. */
    void (*input_transform)(const struct winograd *shape, const float *in, size_t chunk, size_t first, size_t count,
                            float *seen);
    /* made = seen * kernels, plus what is in made (`add`), place by place. Meanwhile the packed weights at `prefetch`
     * (NULL: none), of a chunk and a panel, come into the cache. */
    void (*multiply)(size_t depth, size_t count, const float *seen, const float *kernels, bool add,
                     const float *prefetch, float *made);
    /* made -> the outputs of a panel. */
    void (*output_transform)(const struct winograd *shape, const float *made, const struct winograd_end *end,
                             size_t panel, size_t first, size_t count, float *out);
    /* The gradients of the outputs of a panel -> made. */
    void (*output_grad_transform)(const struct winograd *shape, const float *dout, size_t panel, size_t first,
                                  size_t count, float *made);
    /* dkernels (36, channels, panel) = seen transposed * made, plus what is there (`add`), of `channels` channels of a
     * chunk, the first of which `seen` points to. */
    void (*correlate)(size_t channels, size_t count, const float *seen, const float *made, bool add, float *dkernels);
    /* dkernels of channels [first, first + channels) and a panel to the gradient of the weights (O, C, 3, 3). */
    void (*weight_grad_transform)(const struct winograd *shape, size_t first, size_t channels, size_t panel,
                                  const float *dkernels, float *dweights);
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

/* Floats of 36 matrices (rows, columns) with their gaps. */
static inline size_t winograd_floats(size_t rows, size_t columns)
{
    return WINOGRAD_TILE_ELEMENTS * (rows * columns + WINOGRAD_GAP);
}

#endif
