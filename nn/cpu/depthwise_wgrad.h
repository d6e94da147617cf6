/* A depthwise convolution's weight gradient by our own loops, in the layouts that its input and output have. */
#ifndef DCLS_NN_CPU_DEPTHWISE_WGRAD_H
#define DCLS_NN_CPU_DEPTHWISE_WGRAD_H

#include "nn/cpu/kernels/depthwise.h"
#include "nn/graph/op.h"

struct depthwise_wgrad {
    const struct depthwise_kernels *kernels; /* NULL: unused */
    struct depthwise shape;
};

/* For the op, a convolution, whose input and output have their layouts; unused where it is not depthwise, has a bias,
 * or no loop fits. */
void depthwise_wgrad_init(struct depthwise_wgrad *gradient, const struct plan *plan, const struct op *op);
/* dweight: (C, 1, K, K). */
void depthwise_wgrad_run(const struct depthwise_wgrad *gradient, int channels, const float *in, const float *dout,
                         float *dweight);

#endif
