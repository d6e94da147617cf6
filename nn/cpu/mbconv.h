/* What is around a depthwise convolution in evaluation as one op, row by row: see mbconv.c. These say for struct
 * backend what can be fused. */
#ifndef DCLS_NN_CPU_MBCONV_H
#define DCLS_NN_CPU_MBCONV_H

#include "nn/cpu/onednn/primitive.h"

bool mbconv_expands(const struct plan *plan, const struct op *expansion, const struct op *depthwise);
bool mbconv_projects(const struct plan *plan, const struct op *depthwise, const struct op *projection);
bool mbconv_pools(const struct plan *plan, const struct op *conv);

/* Whether the op, as it is fused by now, is for onednn_mbconv. */
bool mbconv_fits(const struct plan *plan, const struct op *op);
extern const struct op_functions onednn_mbconv;

#endif
