/* A whole number in the query of a request: one way to read it, for all endpoints. */
#ifndef DCLS_BROKER_QUERY_NUMBER_H
#define DCLS_BROKER_QUERY_NUMBER_H

#include <stdint.h>

#include "dcls/base/err.h"

struct exchange;

/* The number that `text` is, digits alone; `fallback`, which needs not be within bounds, where it is NULL. -1 with err,
 * which suits a 400: what is called `name` is none from min (0 or more) to max. Pure. */
int query_number_read(const char *name, const char *text, int64_t min, int64_t max, int64_t fallback, int64_t *number,
                      struct err *err);
/* The same of the member `name` of the exchange's query. */
int query_number(const struct exchange *exchange, const char *name, int64_t min, int64_t max, int64_t fallback,
                 int64_t *number, struct err *err);

#endif
