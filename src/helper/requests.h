/* What a helper can be asked: a row for each request.
 *
 * A new one is a function in a file of its own, whose header describes it, and a row in the table of requests.c. */
#ifndef DCLS_HELPER_REQUESTS_H
#define DCLS_HELPER_REQUESTS_H

#include <stdint.h>

#include "request.h"

struct request_kind {
    const char *name; /* the request's "request" */
    /* Fills `answer`, an empty object; -1 with err: the answer gets that as its "error", and keeps what it has. Where
     * it failed by what the system refused, which errno tells, its "status" becomes 500, 503 or 507. */
    int (*run)(const struct request *request, cJSON *answer, struct err *err);
    int files;          /* how many it needs */
    int64_t memory;     /* bytes of address space, at most */
    int cpu_seconds;    /* of this request; beyond them the process is killed by SIGXCPU */
    int64_t file_bytes; /* no file may become larger */
};

/* NULL: there is no such request. */
const struct request_kind *request_kind_find(const char *name);

#endif
