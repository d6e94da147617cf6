/* A batch norm that in evaluation is part of the convolution before it. */
#ifndef DCLS_NN_FOLD_H
#define DCLS_NN_FOLD_H

#include "net.h"

/* The conv's weight (O, I/groups, KH, KW) and bias (O) with the norm's running statistics folded in; norm NULL: the
 * conv's own weight and bias (0 if it has none). */
void fold_batch_norm(const struct net *net, const struct weights *weights, const struct layer *conv,
                     const struct layer *norm, float *weight, float *bias);

#endif
