/* The primitives of poolings: the maximum over windows, and the average over the whole plane. */
#ifndef DCLS_NN_CPU_POOL_H
#define DCLS_NN_CPU_POOL_H

#include "primitive.h"

/* The op's pass, with its workspace, where it has one, as the only argument.
 * `dst` becomes what was chosen, if it was any. */
int pool_init(const struct plan *plan, struct op *op, enum op_pass pass, const struct layout *src, struct layout *dst,
              struct err *err);

#endif
