/* Several layers as one op, so that a value is written once instead of once a layer. */
#ifndef DCLS_NN_FUSE_H
#define DCLS_NN_FUSE_H

#include "op.h"

/* Merges ops as the plan's backend runs them. `ops` are in forward order, op i makes value of its layer; returns the
 * new count. Values that were merged away are no longer named by any op. */
int fuse_ops(const struct plan *plan, struct op *ops, int count);

#endif
