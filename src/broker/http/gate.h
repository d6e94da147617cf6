/* The gate that every request passes before its route is followed: access.h's rules, applied to its headers. */
#ifndef DCLS_BROKER_GATE_H
#define DCLS_BROKER_GATE_H

#include <stdbool.h>

#include "exchange.h"

/* True where it is let in: its answer then has the headers by which a browser knows who may read it. Else it was
 * answered. `shared`: the route is one of the existing page's six, which stands elsewhere. */
bool gate_pass(struct exchange *exchange, const char *method, bool shared);

#endif
