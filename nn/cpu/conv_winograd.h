/* Convolutions by Winograd's algorithm: see conv_winograd.c for which. */
#ifndef DCLS_NN_CPU_CONV_WINOGRAD_H
#define DCLS_NN_CPU_CONV_WINOGRAD_H

#include "nn/cpu/onednn/primitive.h"

/* Whether the op, a convolution whose input has this layout, may be handed to onednn_conv_winograd before it is
 * prepared. */
bool conv_winograd_fits(const struct plan *plan, const struct op *op, const struct layout *in);
extern const struct op_functions onednn_conv_winograd;

#endif
