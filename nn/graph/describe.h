/* An op of a plan in words and in figures, for a table that people read. */
#ifndef DCLS_NN_DESCRIBE_H
#define DCLS_NN_DESCRIBE_H

#include "op.h"

/* The name of the layer's parameters without their last word, "layer1.0.conv1"; empty where it has none. */
void describe_layer(const struct plan *plan, const struct op *op, char *text, size_t size);

/* Kind, window, channels, size of the output and what is fused: "conv 3x3/2 64>128 28x28+norm+relu", and of a chain
 * "convs 1x1+dw 3x3+1x1 24>144>24 56x56+add". */
void describe_op(const struct plan *plan, const struct op *op, char *text, size_t size);

/* What the pass is done by. A backward of two passes gives both, "jit_1x1/jit:avx2". */
void describe_implementation(const struct op *op, bool backward, char *text, size_t size);

/* Multiplications and additions of a forward or a backward by the definition of the op, however it is done; 0 for what
 * is bound by memory: everything but convolutions and fully connected layers. */
double describe_flop(const struct plan *plan, const struct op *op, bool backward);

#endif
