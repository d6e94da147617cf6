/* What convolutions in evaluation do with the sum behind them: the residual is added to as it lies in the output's
 * memory, copied there before where the plan could not have the two share it. */
#ifndef DCLS_NN_CPU_RESIDUAL_H
#define DCLS_NN_CPU_RESIDUAL_H

#include "nn/cpu/onednn/reorder.h"

/* Both do nothing for an op without a residual. `copy` is zeroed, and part of the op's state. */
int residual_prepare(struct primitive *copy, const struct plan *plan, struct op *op, struct err *err);
int residual_run(const struct primitive *copy, const struct plan *plan, const struct op *op, struct err *err);

#endif
