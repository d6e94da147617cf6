/* Who waits for a model to be deleted: what became of each removal that he asked for, and the answer when all are known
 * or time is up. */
#ifndef DCLS_BROKER_REMOVAL_REQUEST_H
#define DCLS_BROKER_REMOVAL_REQUEST_H

#include <cjson/cJSON.h>
#include <event2/event.h>

#include "dcls/proto/name.h"

struct broker;
struct timer;

/* `answer`, the callee's to delete (NULL: memory lacks), is {"model", "removed", "nodes", "pending", "failed",
 * "error"}: with 200 it is gone from each of "nodes", and "removed" is true; with 202 those of "pending", which are
 * away, have it still; with 409, 502 or 504 those of "failed", [{"node", "reason"}…]. 500: nothing was done. */
typedef void model_removed(void *arg, int status, cJSON *answer);

struct removal_request {
    struct broker *broker;
    char model[NAME_SIZE];
    int open; /* removals of which nothing is known; and one until the request is stored, and while they are gone
               * through */
    cJSON *nodes, *pending, *failed; /* arrays of the answer */
    int status;                      /* of the first that failed */
    struct timer *timer;             /* not running yet; calls back with the request */
    model_removed *done;
    void *arg;
};

/* Open by one, which is the caller's to release. NULL where memory lacks. */
struct removal_request *removal_request_new(struct broker *broker, const char *model, void (*late)(void *arg),
                                            model_removed *done, void *arg);
/* Without an answer. */
void removal_request_free(struct removal_request *request);

/* What is known of one: its node has done it, is to do it when it is back, or did not. */
void removal_request_done(struct removal_request *request, const char *node);
void removal_request_pending(struct removal_request *request, const char *node);
void removal_request_failed(struct removal_request *request, const char *node, int status, const char *why);

/* One less is open: behind the last one it is answered, and freed. */
void removal_request_release(struct removal_request *request);

#endif
