/* What is around a depthwise convolution in evaluation as one op, row by row: see mbconv.c. */
#ifndef DCLS_NN_CPU_MBCONV_H
#define DCLS_NN_CPU_MBCONV_H

#include "nn/graph/op.h"

bool mbconv_supports(const struct plan *plan, const struct op *op);
extern const struct op_functions cpu_mbconv;

#endif
