/* The gradient of the weights by the loops of winograd.h, on all threads. The tiles go in rounds: in each all inputs
 * and all gradients are transformed, then every pair of a part of a chunk and a panel is multiplied, over the round's
 * tiles, and added up. */
#ifndef DCLS_NN_KERNELS_WINOGRAD_WGRAD_H
#define DCLS_NN_KERNELS_WINOGRAD_WGRAD_H

#include "winograd.h"

struct winograd_wgrad {
    const struct winograd_kernels *kernels;
    struct winograd shape;
    size_t tiles, round, rounds;
    size_t chunks, panels, threads;
    size_t part; /* channels of a part of a chunk: as many as leave every thread some */
};

void winograd_wgrad_init(struct winograd_wgrad *gradient, const struct winograd_kernels *kernels,
                         const struct winograd *shape, size_t threads);
size_t winograd_wgrad_scratch(const struct winograd_wgrad *gradient); /* floats */
/* dweights (O, C, 3, 3) is overwritten. */
void winograd_wgrad_run(const struct winograd_wgrad *gradient, const float *in, const float *dout, float *scratch,
                        float *dweights);

#endif
