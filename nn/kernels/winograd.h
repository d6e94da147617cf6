/* 3x3 convolutions of stride 1 and padding 1 by Winograd's minimal filtering, F(4x4, 3x3): Lavin and Gray, "Fast
 * Algorithms for Convolutional Neural Networks" (2015). A tile of 4x4 outputs takes 36 multiplications a pair of
 * channels instead of 144, at the price of transforming the 6x6 inputs that it sees and of about one decimal digit.
 *
 * Input and output are blocked: (N, C/B, H, W, B). The work goes in rounds over `tiles_of(…)` tiles; in each, input for
 * every block of channels, multiply for every place of the 6x6, then output for every block of outputs; what is within
 * such a step may run on several threads. */
#ifndef DCLS_NN_KERNELS_WINOGRAD_H
#define DCLS_NN_KERNELS_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

#define WINOGRAD_PLACES 36
#define WINOGRAD_ROUND 64 /* tiles at a time, at most */

struct winograd {
    size_t n, channels, outputs, h, w;
    size_t tiles_y, tiles_x; /* of an image: its sides over 4, rounded up */
};

struct winograd_kernels {
    const char *name;
    size_t block;   /* B; channels and outputs are multiples of it */
    size_t outputs; /* that `outputs` is a multiple of */
    /* Weights (O, C, 3, 3) to the 36 matrices of multiply, O * C * 36 floats. */
    void (*weights)(const struct winograd *shape, const float *weights, float *transformed);
    /* Block `block` of tiles [first, first + count) -> seen (36, count, C). */
    void (*input)(const struct winograd *shape, const float *in, size_t block, size_t first, size_t count, float *seen);
    /* Place `place`: seen (36, count, C) times the weights' matrix -> made (36, count, O). */
    void (*multiply)(const struct winograd *shape, size_t place, size_t count, const float *seen,
                     const float *transformed, float *made);
    /* out = made + bias, plus what is in out (`sum`), then max(0, .) (`relu`). */
    void (*output)(const struct winograd *shape, const float *made, const float *bias, size_t block, size_t first,
                   size_t count, bool sum, bool relu, float *out);
};

/* The loops for that block, or NULL where this CPU has none. */
const struct winograd_kernels *winograd_find(size_t block);

static inline size_t winograd_tiles(const struct winograd *shape)
{
    return shape->n * shape->tiles_y * shape->tiles_x;
}

#endif
