/* Convolutions with a stride over small planes in evaluation: see conv_im2col.c for which. */
#ifndef DCLS_NN_CPU_CONV_IM2COL_H
#define DCLS_NN_CPU_CONV_IM2COL_H

#include "nn/graph/op.h"

bool conv_im2col_supports(const struct plan *plan, const struct op *op);
extern const struct op_functions cpu_conv_im2col;

#endif
