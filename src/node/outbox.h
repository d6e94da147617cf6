/* The outcomes of jobs that the broker has not acknowledged: kept on disk, one file each, so that they survive the
 * loss of the broker and of this process. A file KEY.json holds the message as it was sent. */
#ifndef DCLS_NODE_OUTBOX_H
#define DCLS_NODE_OUTBOX_H

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct outbox;

/* Reads what `dir` holds; makes it where it is missing. What is no outcome is told in the log and left alone. */
struct outbox *outbox_open(const char *dir, struct err *err);
void outbox_close(struct outbox *outbox);

/* Keeps a TRAINING_COMPLETED or TRAINING FAILED; it is on disk when this returns 0. One of the same key is replaced. */
int outbox_add(struct outbox *outbox, const struct msg *msg, struct err *err);
/* Forgets it. Not having it is fine: an acknowledgement may come twice. */
void outbox_drop(struct outbox *outbox, const char *train_key);
/* NULL where there is none; it stays theirs. */
const struct msg *outbox_find(const struct outbox *outbox, const char *train_key);

size_t outbox_count(const struct outbox *outbox);
/* The message number `index`, oldest first; it stays theirs. */
const struct msg *outbox_get(const struct outbox *outbox, size_t index);
/* Adds an object for each to NODE INFO's "jobs". */
int outbox_list(const struct outbox *outbox, cJSON *jobs);

/* One entry of "jobs". NULL where memory lacks. */
cJSON *outbox_entry(const struct msg *msg, const char *state);

#endif
