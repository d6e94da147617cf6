/* Every operation in plain C, to be read, and the oracle for the fast ones: reference.c makes them a backend. */
#ifndef DCLS_NN_OPS_H
#define DCLS_NN_OPS_H

#include "nn/graph/backend.h"

extern const struct op_functions reference_conv, reference_batch_norm, reference_activation, reference_max_pool,
    reference_global_avg_pool, reference_add, reference_scale, reference_drop, reference_linear;

/* Those of reference_drop; of OP_STOCHASTIC_DEPTH in any layout, which the result shares with the input. */
int drop_prepare(struct plan *plan, struct op *op, struct err *err);
int drop_forward(struct plan *plan, struct op *op, struct err *err);
int drop_backward(struct plan *plan, struct op *op, struct err *err);

extern const struct backend backend_reference;

#endif
