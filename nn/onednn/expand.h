/* A 1x1 convolution and the depthwise one behind it as one op: see expand.c. */
#ifndef DCLS_NN_ONEDNN_EXPAND_H
#define DCLS_NN_ONEDNN_EXPAND_H

#include "dnn.h"

/* Whether onednn_expand can run the two; for struct backend. */
bool expand_fits(const struct plan *plan, const struct op *expansion, const struct op *depthwise);
extern const struct op_functions onednn_expand;

#endif
