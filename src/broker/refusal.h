/* Why something that was asked for cannot be: an HTTP status and a reason.
 *
 * What may be refused returns -1 and fills the struct refusal that its caller passed:
 *     return refuse(refusal, 404, "Node '%s' not found", name); */
#ifndef DCLS_BROKER_REFUSAL_H
#define DCLS_BROKER_REFUSAL_H

#include "dcls/base/err.h"

struct refusal {
    int status;
    struct err err;
};

/* Returns -1. */
int refuse(struct refusal *refusal, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
