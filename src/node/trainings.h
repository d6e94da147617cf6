/* The node's trainings, as the broker asks for them: the training core (training_core.h) says what is to be done, and
 * this does it, with a clock, a link, a disk and a worker. */
#ifndef DCLS_NODE_TRAININGS_H
#define DCLS_NODE_TRAININGS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct daemon;
struct trainings;

/* Reads what has ended and is not acknowledged. */
struct trainings *trainings_new(struct daemon *daemon, struct err *err);
/* After the thread pool and the supervisor are gone. */
void trainings_free(struct trainings *trainings);

/* A SERVER TRAIN; its members may be taken out. `text` is the message as it came: an option that nobody here knows is
 * refused, not dropped. */
void trainings_request(struct trainings *trainings, struct msg *msg, const char *text, size_t len);
/* A training that was asked for by a message that cannot be one. True where `text` was that. */
bool trainings_refuse(struct trainings *trainings, const char *text, size_t len, const struct err *why);
void trainings_cancel(struct trainings *trainings, const struct msg *msg);
void trainings_acknowledge(struct trainings *trainings, const struct msg *msg);

/* The link is up, after NODE INFO was sent, or down. */
void trainings_link(struct trainings *trainings, bool is_up);
/* An outcome has left for a legacy broker. */
void trainings_sent(struct trainings *trainings, const char *token);

/* NODE INFO's "jobs". NULL where memory lacks. */
cJSON *trainings_list(const struct trainings *trainings);
/* True while a training may write that model. */
bool trainings_use(const struct trainings *trainings, const char *model);

/* How many wait to begin. */
int trainings_waiting(const struct trainings *trainings);

/* Fails everything that has not ended, and kills the worker. All is on disk when this returns, if it can be. */
void trainings_stop(struct trainings *trainings);

#endif
