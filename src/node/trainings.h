/* The node's trainings: one at a time, further ones wait in order. Each ends in an outcome that is kept on disk until
 * the broker has it.
 *
 *     waiting → preparing (dataset and weights are fetched) → running (a worker trains) → ended
 */
#ifndef DCLS_NODE_TRAININGS_H
#define DCLS_NODE_TRAININGS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct daemon;
struct trainings;

struct trainings *trainings_new(struct daemon *daemon, struct err *err);
void trainings_free(struct trainings *trainings);

/* A SERVER TRAIN; its members may be taken out. `text` is the message as it came: an option that nobody here knows is
 * refused, not dropped. */
void trainings_request(struct trainings *trainings, struct msg *msg, const char *text, size_t len);
/* A training that was asked for by a message that cannot be one. True where `text` was that. */
bool trainings_refuse(struct trainings *trainings, const char *text, size_t len, const struct err *why);
void trainings_cancel(struct trainings *trainings, const struct msg *msg);

/* NODE INFO's "jobs": outcomes and what is waiting or running. NULL where memory lacks. */
cJSON *trainings_list(const struct trainings *trainings);
/* True while a training will write that model. */
bool trainings_use(const struct trainings *trainings, const char *model);

/* Fails everything that has not ended and kills the worker. */
void trainings_stop(struct trainings *trainings);

#endif
