/* A convolution by the loops of winograd.h, on all threads: the forward pass, or with rotated weights the gradient of
 * the data.
 *
 * The tiles go in rounds, whose inputs, once transformed, serve every panel of outputs. Where there is a single round,
 * for small planes, few images or both, the kernels are transformed as they are used: of a chunk and a panel at a time,
 * so that they come from the cache and take no memory. Several rounds use them again: then all are transformed first.
 */
#ifndef DCLS_NN_KERNELS_WINOGRAD_PASS_H
#define DCLS_NN_KERNELS_WINOGRAD_PASS_H

#include "winograd.h"

struct winograd_pass {
    const struct winograd_kernels *kernels;
    struct winograd shape;
    size_t tiles, round, rounds; /* in all, in a round */
    size_t chunks, panels, threads;
};

void winograd_pass_init(struct winograd_pass *pass, const struct winograd_kernels *kernels,
                        const struct winograd *shape, size_t threads);

/* Floats of what winograd_pass_weights makes of the weights, and floats of scratch for that and for a run. */
size_t winograd_pass_weights_floats(const struct winograd_pass *pass);
size_t winograd_pass_scratch(const struct winograd_pass *pass);

/* Weights (O, C, 3, 3), or rotated (C, O, 3, 3), with O and C those of the pass, to what a run reads. */
void winograd_pass_weights(const struct winograd_pass *pass, const float *weights, bool rotated, float *scratch,
                           float *to);
void winograd_pass_run(const struct winograd_pass *pass, const float *in, const float *weights,
                       const struct winograd_end *end, float *scratch, float *out);

#endif
