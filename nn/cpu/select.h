/* Which implementation runs an op. */
#ifndef DCLS_NN_CPU_SELECT_H
#define DCLS_NN_CPU_SELECT_H

#include "nn/graph/op.h"

/* For struct backend; NULL: none does. */
const struct op_functions *cpu_select(const struct plan *plan, const struct op *op);

#endif
