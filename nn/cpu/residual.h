/* What convolutions in evaluation do with the sum behind them: in[1] is added to as it lies in the output's memory,
 * copied there before where the plan could not have the two share it. */
#ifndef DCLS_NN_CPU_RESIDUAL_H
#define DCLS_NN_CPU_RESIDUAL_H

#include "nn/cpu/onednn/primitive.h"

/* All do nothing for an op without in[1]. `to`: the output's layout; `copy` is zeroed, and the caller's to release. */
int residual_prepare(struct plan *plan, struct op *op, const struct layout *to, struct primitive *copy,
                     struct err *err);
int residual_bind(const struct plan *plan, const struct op *op, struct primitive *copy, struct err *err);
int residual_run(const struct plan *plan, const struct op *op, const struct primitive *copy, struct err *err);

#endif
