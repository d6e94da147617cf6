/* What plan_new does: layers to ops, fusion, the backend's preparation, the arena's layout. */
#ifndef DCLS_NN_COMPILE_H
#define DCLS_NN_COMPILE_H

#include "op.h"

/* Fills plan->values and plan->ops, prepared and with addresses in the arena, which is reserved. On failure what is
 * there already is plan_free's to release. */
int plan_compile(struct plan *plan, struct err *err);

#endif
