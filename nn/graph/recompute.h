/* Which results training does not keep from forward to backward but computes again. */
#ifndef DCLS_NN_RECOMPUTE_H
#define DCLS_NN_RECOMPUTE_H

#include "op.h"

/* Sets `recomputed` of ops. */
int recompute_choose(struct plan *plan, struct err *err);

#endif
