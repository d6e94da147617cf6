/* A depthwise convolution's weight gradient by our own loops, in the layouts that its input and output have. */
#ifndef DCLS_NN_DEPTHWISE_GRADIENT_H
#define DCLS_NN_DEPTHWISE_GRADIENT_H

#include "nn/cpu/onednn/primitive.h"
#include "nn/cpu/kernels/depthwise.h"

struct depthwise_wgrad {
    const struct depthwise_kernels *kernels; /* NULL: unused */
    struct depthwise shape;
};

/* For the op, a convolution, whose input and output have these layouts; unused where it is not depthwise, has a bias,
 * or no loop fits. */
void depthwise_wgrad_init(struct depthwise_wgrad *gradient, const struct plan *plan, const struct op *op,
                          const struct layout *in, const struct layout *out);
/* dweight: (C, 1, K, K). */
void depthwise_wgrad_run(const struct depthwise_wgrad *gradient, int channels, const float *in, const float *dout,
                         float *dweight);

#endif
