/* Convolutions by Winograd's algorithm: see conv_winograd.c for which. */
#ifndef DCLS_NN_CPU_CONV_WINOGRAD_H
#define DCLS_NN_CPU_CONV_WINOGRAD_H

#include "nn/graph/op.h"

bool conv_winograd_supports(const struct plan *plan, const struct op *op);
extern const struct op_functions cpu_conv_winograd;

#endif
