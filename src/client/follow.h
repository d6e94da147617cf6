/* A job's event stream, kept up over lost connections: each state of the job is given to a callback until its last.
 *
 * A stream that breaks is taken up again by Last-Event-ID, with back-off, until so many seconds have passed without a
 * byte from the broker. */
#ifndef DCLS_CLIENT_FOLLOW_H
#define DCLS_CLIENT_FOLLOW_H

#include <cjson/cJSON.h>

#include "client.h"

enum follow_end { FOLLOW_DONE, FOLLOW_INTERRUPTED, FOLLOW_FAILED };

struct follow_observer {
    int patience_s; /* how long the broker may be silent or away */
    void *arg;
    void (*state)(void *arg, const cJSON *job);
    void (*lost)(void *arg, const char *why, int seconds_left); /* before another attempt, but the first */
};

/* FOLLOW_DONE: *job is the job as it ended, the caller's to delete. FOLLOW_FAILED fills err. */
enum follow_end follow_job(const struct client *client, const char *id, const struct follow_observer *observer,
                           cJSON **job, struct err *err);

#endif
