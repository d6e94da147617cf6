/* A matrix times a vector, for the last layer of a single image: the weights are read once and nothing is computed
 * twice, so that the loops have only to keep up with the memory. */
#ifndef DCLS_NN_KERNELS_GEMV_H
#define DCLS_NN_KERNELS_GEMV_H

#include <stddef.h>

struct gemv_kernels {
    const char *name;
    /* out[o] = bias[o] + the sum of weights[o * inputs + i] * in[i], for o from first to before end. */
    void (*run)(const float *weights, size_t inputs, const float *in, const float *bias, size_t first, size_t end,
                float *out);
};

#endif
