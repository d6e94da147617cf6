/* 1x1 convolutions as products of matrices of ours: see pointwise.c for which. */
#ifndef DCLS_NN_ONEDNN_POINTWISE_H
#define DCLS_NN_ONEDNN_POINTWISE_H

#include "dnn.h"

/* Whether the op, a convolution whose input has this layout, may be handed to onednn_pointwise before it is prepared. */
bool pointwise_fits(const struct plan *plan, const struct op *op, const struct layout *in);
extern const struct op_functions onednn_pointwise;

#endif
