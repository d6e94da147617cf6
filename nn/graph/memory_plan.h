/* Where everything of a plan lies. */
#ifndef DCLS_NN_MEMORY_PLAN_H
#define DCLS_NN_MEMORY_PLAN_H

#include "op.h"

/* Data, gradients, saved data and scratch by liveness, into plan->arena, which is reserved. */
int memory_plan(struct plan *plan, struct err *err);

#endif
