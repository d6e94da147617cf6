/* The loops of batch norm with the activation behind it, over memory in the layouts that convolutions like: what is
 * read is read once for the statistics and once for the result, and an activation costs no pass of its own.
 *
 * A group is the channels that lie side by side in a strip: 16 or 8 of a blocked layout, or a single plane. Whatever
 * they are, a strip is read 16 numbers at a time, and everything that is given by channel is given by lane: 16 numbers,
 * those of the group repeated until there are 16. */
#ifndef DCLS_NN_KERNELS_NORM_H
#define DCLS_NN_KERNELS_NORM_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/graph/net.h"

#define NORM_LANES 16

/* The numbers of a group of channels: `strips` pieces of `count` numbers, `stride` apart. */
struct norm_strips {
    size_t strips, count, stride;
};

/* z = (x - mean) * scale + shift, y = activation(z); by lane. */
struct norm_affine {
    float mean[NORM_LANES], scale[NORM_LANES], shift[NORM_LANES];
};

/* dx = (dz - dz_mean) * scale - (x - mean) * slope; by lane. */
struct norm_slopes {
    float dz_mean[NORM_LANES], slope[NORM_LANES];
};

/* NONE, RELU, RELU6 and SILU. */
struct norm_kernels {
    const char *name;
    /* Adds up x - pilot and its square, by lane. */
    void (*moments)(const struct norm_strips *strips, const float *x, const float *pilot, double *sum, double *squares);
    void (*forward)(const struct norm_strips *strips, enum activation activation, const struct norm_affine *affine,
                    const float *x, float *y);
    /* Adds up dz = dy * activation'(z) and dz * (x - mean), by lane; with SILU dy becomes dz. */
    void (*sums)(const struct norm_strips *strips, enum activation activation, const struct norm_affine *affine,
                 const float *x, float *dy, double *dz_sum, double *product);
    /* After sums, with the same arguments. dx may be dy; `accumulate`: is added to. */
    void (*backward)(const struct norm_strips *strips, enum activation activation, const struct norm_affine *affine,
                     const struct norm_slopes *slopes, const float *x, const float *dy, float *dx, bool accumulate);
};

/* The fastest that this CPU runs, and all that it runs (NULL-ended), for tests. */
const struct norm_kernels *norm_kernels(void);
const struct norm_kernels *const *norm_kernels_all(void);

#endif
