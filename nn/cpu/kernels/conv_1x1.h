/* 1x1 convolutions of stride 1 as products of matrices in blocked layouts, (N, C/B, H, W, B), what follows them done as
 * the result is written. A panel is the outputs whose sums the registers hold, some pixels at a time; its weights lie
 * one behind another as they are read. What is needed next, pixels and weights, is prefetched: of networks for small
 * machines such layers have so little to compute that memory is what they wait for. */
#ifndef DCLS_NN_KERNELS_CONV_1X1_H
#define DCLS_NN_KERNELS_CONV_1X1_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/graph/net.h"

struct conv_1x1 {
    size_t channels, outputs;   /* the last block of either may be padded: zeros in, zeros out */
    size_t in_plane, out_plane; /* floats from a block of channels to the next */
    bool sum;                   /* adds what is in the output */
    enum activation activation; /* after that: any but SIGMOID, of which the zeros of padding are none */
};

#define CONV_1X1_LINE 16 /* floats of a cache line */

/* What is fetched while a panel is computed: with each block of channels of each few pixels so many lines from `next`,
 * where the next panel's weights are, which moves on; and the pixels that come next, where they are not near yet. */
struct conv_1x1_prefetch {
    const float *next;
    size_t lines;
    bool pixels;
};

struct conv_1x1_kernels {
    const char *name;
    size_t block;  /* B */
    size_t panel;  /* outputs of a panel, one or two blocks */
    size_t pixels; /* that are computed at a time; half as many is the least that `run` takes */
    /* Weights (O, C) to panels (O / panel rounded up, C, panel), 0 behind the last output; bias likewise. */
    void (*pack)(const struct conv_1x1 *shape, const float *weights, float *packed);
    /* One panel's weights with each channel's times that channel's factor. */
    void (*scale)(const struct conv_1x1 *shape, const float *factors, const float *packed, float *to);
    /* `count` pixels that lie side by side times panel `panel`. `in` and `out` are those of the first pixel in the
     * first block of channels and in the panel's first block; `packed` and `bias` are the panel's. */
    void (*run)(const struct conv_1x1 *shape, size_t count, const float *in, size_t panel, const float *packed,
                const float *bias, struct conv_1x1_prefetch *prefetch, float *out);
};

static inline size_t conv_1x1_panels(const struct conv_1x1_kernels *kernels, const struct conv_1x1 *shape)
{
    return (shape->outputs + kernels->panel - 1) / kernels->panel;
}

/* Floats of packed weights, and with the bias behind them. */
static inline size_t conv_1x1_weights_floats(const struct conv_1x1_kernels *kernels, const struct conv_1x1 *shape)
{
    return conv_1x1_panels(kernels, shape) * shape->channels * kernels->panel;
}

static inline size_t conv_1x1_packed_floats(const struct conv_1x1_kernels *kernels, const struct conv_1x1 *shape)
{
    return conv_1x1_panels(kernels, shape) * (shape->channels + 1) * kernels->panel;
}

/* Where the weights of a panel start. */
static inline size_t conv_1x1_panel(const struct conv_1x1_kernels *kernels, const struct conv_1x1 *shape, size_t panel)
{
    return panel * shape->channels * kernels->panel;
}

/* To prefetch of the panel behind `panel`, if there is one, while that one is computed in `calls` calls of `count`
 * pixels each. */
static inline struct conv_1x1_prefetch conv_1x1_prefetch(const struct conv_1x1_kernels *kernels,
                                                         const struct conv_1x1 *shape, const float *packed,
                                                         size_t panel, size_t calls, size_t count)
{
    size_t steps = calls * ((count + kernels->pixels - 1) / kernels->pixels);
    size_t lines = kernels->block * kernels->panel / CONV_1X1_LINE;
    bool last = panel + 1 == conv_1x1_panels(kernels, shape);
    return (struct conv_1x1_prefetch){ .next = packed + (last ? 0 : panel + 1) * shape->channels * kernels->panel,
                                       .lines = last ? 0 : (lines + steps - 1) / steps,
                                       .pixels = panel == 0 };
}

#endif
