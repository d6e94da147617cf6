/* Convolutions with a stride over small planes in evaluation: see conv_im2col.c for which. */
#ifndef DCLS_NN_CPU_CONV_IM2COL_H
#define DCLS_NN_CPU_CONV_IM2COL_H

#include "nn/cpu/onednn/primitive.h"

/* Whether the op, a convolution whose input has this layout, may be handed to onednn_conv_im2col before it is prepared.
 */
bool conv_im2col_fits(const struct plan *plan, const struct op *op, const struct layout *in);
extern const struct op_functions onednn_conv_im2col;

#endif
