/* The primitives of activations that have an exponential. */
#ifndef DCLS_NN_CPU_ELTWISE_H
#define DCLS_NN_CPU_ELTWISE_H

#include "primitive.h"

/* The op's pass, SiLU (whose backward reads the input) or the sigmoid (whose backward reads the output), without
 * arguments as yet. */
int eltwise_init(const struct plan *plan, struct op *op, enum op_pass pass, const struct layout *data, struct err *err);

#endif
