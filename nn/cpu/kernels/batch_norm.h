/* The loops of batch norm with the activation behind it, over memory in the layouts that convolutions like: what is
 * read is read once for the statistics and once for the result, and an activation costs no pass of its own.
 *
 * A group is the channels that lie side by side in a strip: 16 or 8 of a blocked layout, or a single plane. Whatever
 * they are, a strip is read 16 floats at a time, and everything that is given by channel is given by lane: 16 floats,
 * those of the group repeated until there are 16. */
#ifndef DCLS_NN_KERNELS_BATCH_NORM_H
#define DCLS_NN_KERNELS_BATCH_NORM_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/graph/net.h"

#define BATCH_NORM_LANES 16

/* The floats of a group of channels: `strips` pieces of `count` floats, `stride` apart. */
struct batch_norm_strips {
    size_t strips, count, stride;
};

/* z = (x - mean) * scale + shift, y = activation(z); by lane. */
struct batch_norm_affine {
    float mean[BATCH_NORM_LANES], scale[BATCH_NORM_LANES], shift[BATCH_NORM_LANES];
};

/* dx = (dz - dz_mean) * scale - (x - mean) * slope; by lane. */
struct batch_norm_slopes {
    float dz_mean[BATCH_NORM_LANES], slope[BATCH_NORM_LANES];
};

/* NONE, RELU, RELU6 and SILU. */
struct batch_norm_kernels {
    const char *name;
    /* Adds up x - pilot and its square, by lane. */
    void (*moments)(const struct batch_norm_strips *strips, const float *x, const float *pilot, double *sum,
                    double *squares);
    void (*forward)(const struct batch_norm_strips *strips, enum activation activation,
                    const struct batch_norm_affine *affine, const float *x, float *y);
    /* Adds up dz = dy * activation'(z) and dz * (x - mean), by lane; with SILU dy becomes dz. */
    void (*sums)(const struct batch_norm_strips *strips, enum activation activation,
                 const struct batch_norm_affine *affine, const float *x, float *dy, double *dz_sum, double *product);
    /* After sums, with the same arguments. dx may be dy; `accumulate`: is added to. */
    void (*backward)(const struct batch_norm_strips *strips, enum activation activation,
                     const struct batch_norm_affine *affine, const struct batch_norm_slopes *slopes, const float *x,
                     const float *dy, float *dx, bool accumulate);
};

#endif
