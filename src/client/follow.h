/* A job's event stream, kept up over lost connections: each state of the job is given to a callback until its last.
 *
 * A stream that breaks is taken up again by Last-Event-ID, with back-off, until FOLLOW_LOST_S have passed without a byte
 * from the broker. */
#ifndef DCLS_CLIENT_FOLLOW_H
#define DCLS_CLIENT_FOLLOW_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "client.h"

#define FOLLOW_LOST_S 60

enum follow_end { FOLLOW_DONE, FOLLOW_INTERRUPTED, FOLLOW_FAILED };

struct follow_observer {
    void *arg;
    void (*state)(void *arg, const cJSON *job);
    void (*lost)(void *arg, const char *why, int seconds_left); /* before each new attempt */
};

/* FOLLOW_DONE: *job is the job as it ended, the caller's to delete. FOLLOW_FAILED fills err. */
enum follow_end follow_job(const struct client *client, const char *id, const struct follow_observer *observer,
                           cJSON **job, struct err *err);

bool follow_state_is_final(const char *state);

#endif
