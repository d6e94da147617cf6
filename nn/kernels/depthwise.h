/* The weight gradient of a depthwise convolution in a blocked layout, which oneDNN has no fast kernel for when the
 * kernel is 5x5. */
#ifndef DCLS_NN_KERNELS_DEPTHWISE_H
#define DCLS_NN_KERNELS_DEPTHWISE_H

#include <stdbool.h>
#include <stddef.h>

#define DEPTHWISE_KERNEL_MAX 7

/* in (N, G, H, W, B), dout (N, G, OH, OW, B): N images, G blocks of B channels. */
struct depthwise {
    size_t n, groups, h, w, out_h, out_w;
    size_t kernel, stride, padding;
};

/* dweight (K, K, B) of block `group`, overwritten. */
typedef void depthwise_weights(const struct depthwise *shape, size_t group, const float *in, const float *dout,
                               float *dweight);

/* That for blocks of 8 or 16 channels; NULL where this CPU has none, or the kernel is too large. */
depthwise_weights *depthwise_weights_find(size_t block, size_t kernel);

#endif
