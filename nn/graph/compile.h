/* The steps of plan_new: layers to ops, fusion, the backend's preparation, the arena's layout. */
#ifndef DCLS_NN_COMPILE_H
#define DCLS_NN_COMPILE_H

#include "backend.h"

/* Fills plan->values and plan->ops, prepared and with addresses in the arena, which is reserved. On failure what is
 * there already is plan_free's to release. */
int plan_compile(struct plan *plan, struct err *err);

/* Merges ops as the backend's fusions say. `ops` are in forward order, op i makes value of its layer; returns the new
 * count. Values that were merged away are no longer named by any op. */
int plan_fuse(const struct plan *plan, struct op *ops, int count);

/* Sets `recomputed` of ops. */
int plan_choose_recomputed(struct plan *plan, struct err *err);

/* Where everything lies: data, gradients, saved data and scratch by liveness, into plan->arena. */
int memory_plan(struct plan *plan, struct err *err);

#endif
