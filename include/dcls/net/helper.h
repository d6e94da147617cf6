/* A child process (`dcls helper`) for small work with bytes of strangers: what crashes, hangs or takes too much memory
 * there costs one request and nothing else.
 *
 * It is asked one thing at a time; what else is asked waits in a queue with a bound. A request is a JSON object whose
 * "request" names a row of the table in src/helper/requests.c, with open files beside it. The process starts with the
 * first request, is killed where a request passes its deadline or its answer makes no sense, and is started anew for
 * the next one; unasked for a minute it ends, after 1000 of them in a pause of seconds, and after 10,000 in any case.
 * It ends with its parent.
 *
 * All on the loop's thread. helper_new; helper_ask at will; helper_stop, after which nothing can be asked, while what
 * `done` needs is still there; helper_free, not from within a `done`. */
#ifndef DCLS_NET_HELPER_H
#define DCLS_NET_HELPER_H

#include <cjson/cJSON.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "dcls/base/err.h"

#define HELPER_FILES_MAX 4        /* open files of a request */
#define HELPER_LINE_MAX (1 << 20) /* bytes of a request or an answer; what is larger goes into a file */

struct helper;

enum helper_outcome {
    HELPER_DONE,
    HELPER_REFUSED,   /* it answered that it cannot; `answer` may tell more */
    HELPER_LATE,      /* its deadline passed */
    HELPER_ENDED,     /* the process crashed or was killed, or its answer made no sense */
    HELPER_DROPPED,   /* nobody wanted it any more when its turn came, or helper_stop */
    HELPER_NOT_ASKED, /* its turn came too late, or no process could be asked: another time it may be done */
};

struct helper_request {
    const cJSON *json;           /* copied */
    int files[HELPER_FILES_MAX]; /* given to the process in this order; open until `done`, and the caller's to close */
    int file_count;
    int wait_ms;     /* for its turn, at most: looked at when the one before it is done; 0: as long as it takes */
    int deadline_ms; /* from its turn on */
    void *arg;
    bool (*wanted)(void *arg); /* asked when its turn comes; NULL: always */
    /* Once for each request that was taken, never from within helper_ask. `answer` is NULL but with HELPER_DONE and
     * HELPER_REFUSED, and gone after the call; `why` is NULL with HELPER_DONE. */
    void (*done)(void *arg, enum helper_outcome outcome, const cJSON *answer, const struct err *why);
};

/* At most `waiting_max` requests wait. NULL where memory lacks. Nothing is started yet. */
struct helper *helper_new(struct event_base *base, size_t waiting_max);
/* Kills the process; each `done` that is due is called. */
void helper_stop(struct helper *helper);
void helper_free(struct helper *helper); /* NULL is fine */

/* The HTTP status of an answer to HELPER_REFUSED; `fallback` where it has none. */
int helper_status(const cJSON *answer, int fallback);

/* -1 with err, and no `done`: too much waits, memory lacks, or it was stopped. */
int helper_ask(struct helper *helper, const struct helper_request *request, struct err *err);

#endif
