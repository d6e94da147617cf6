/* The table of endpoints, and how a path is compared with a row. */
#ifndef DCLS_BROKER_ROUTES_H
#define DCLS_BROKER_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "exchange.h"

struct route {
    const char *method; /* "GET" (which HEAD takes too), "POST", "PUT", "DELETE" */
    const char *path;   /* a "*" between slashes is an argument */
    void (*handle)(struct exchange *exchange);
    size_t max_body;
    bool shared;      /* one of the existing page's six: CORS, preflights */
    enum share share; /* who looks after the broker is not to wait for clients either */
};

extern const struct route route_table[];
extern const size_t route_count;

enum match { MATCH_NONE, MATCH_PATH, MATCH_ROUTE };

/* Compares a percent-encoded path; on MATCH_ROUTE and MATCH_PATH (the method is another) *args holds copies of the
 * decoded arguments, the caller's to free, where it is not NULL. Pure. */
enum match route_match(const struct route *route, const char *method, const char *path, char *args[EXCHANGE_ARGS]);

#endif
