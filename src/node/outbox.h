/* The outcomes of jobs that the broker has not acknowledged: kept on disk, one file each, so that they survive the
 * loss of the broker and of this process. A file KEY.json holds the message as it was sent. */
#ifndef DCLS_NODE_OUTCOMES_H
#define DCLS_NODE_OUTCOMES_H

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct outcomes;

/* Reads what `dir` holds; makes it where it is missing. What is no outcome is told in the log and left alone. */
struct outcomes *outcomes_open(const char *dir, struct err *err);
void outcomes_close(struct outcomes *outcomes);

/* Keeps a TRAINING_COMPLETED or TRAINING FAILED; it is on disk when this returns 0. One of the same key is replaced. */
int outcomes_add(struct outcomes *outcomes, const struct msg *msg, struct err *err);
/* Forgets it. Not having it is fine: an acknowledgement may come twice. */
void outcomes_drop(struct outcomes *outcomes, const char *train_key);
/* NULL where there is none; it stays theirs. */
const struct msg *outcomes_find(const struct outcomes *outcomes, const char *train_key);

size_t outcomes_count(const struct outcomes *outcomes);
/* The message number `index`, oldest first; it stays theirs. */
const struct msg *outcomes_get(const struct outcomes *outcomes, size_t index);
/* Adds an object for each to NODE INFO's "jobs". */
int outcomes_list(const struct outcomes *outcomes, cJSON *jobs);

/* One entry of "jobs". NULL where memory lacks. */
cJSON *outcomes_entry(const struct msg *msg, const char *state);

#endif
