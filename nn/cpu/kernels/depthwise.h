/* Depthwise convolutions in blocked layouts: the gradient of their weights, which oneDNN has no fast kernel for when
 * the kernel is 5x5, and their rows, one by one, for who makes the input as it is used. */
#ifndef DCLS_NN_KERNELS_DEPTHWISE_H
#define DCLS_NN_KERNELS_DEPTHWISE_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/graph/net.h"

#define DEPTHWISE_KERNEL_MAX 7 /* of `wgrad` */

/* in (N, G, H, W, B), dout (N, G, OH, OW, B): N images, G blocks of B channels. */
struct depthwise {
    size_t n, groups, h, w, out_h, out_w;
    size_t kernel, stride, padding;
};

struct depthwise_row {
    size_t kernel, stride; /* 3 or 5; 1 or 2 */
    size_t out_w;
    enum activation activation; /* any but SIGMOID */
};

struct depthwise_kernels {
    size_t block; /* B */
    /* dweight (K, K, B) of block `group`, overwritten. */
    void (*wgrad)(const struct depthwise *shape, size_t group, const float *in, const float *dout, float *dweight);
    /* A row of outputs (OW, B) of one block of channels from the K rows (W, B) that it sees, padding included; taps
     * (K, K, B), bias (B). */
    void (*forward)(const struct depthwise_row *row, const float *const *rows, const float *taps, const float *bias,
                    float *out);
    /* Adds a row's `count` pixels (W, B) to sums (B). */
    void (*add_row)(size_t count, const float *row, float *sums);
};

#endif
