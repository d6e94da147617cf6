/* The folder of outcomes: a file each, that holds the message as it is sent, so that outcomes survive the loss of the
 * broker and of this process. Which are kept and dropped, and when, says the training core; this writes and removes,
 * one after another, on a thread of its own.
 *
 * A file is TOKEN.json (outcomes.h). Versions before attempts were told apart wrote KEY.json for any of them: such a
 * file gets its name when it is read. */
#ifndef DCLS_NODE_OUTBOX_H
#define DCLS_NODE_OUTBOX_H

#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/net/thread_pool.h"
#include "outcomes.h"

struct outbox;

struct outbox_events {
    /* What the folder held, oldest first, from within outbox_open; members of `msg` may be taken out. */
    int (*found)(void *arg, struct msg *msg);
    /* One is on disk, or why it is not; from the loop, or from within outbox_keep. */
    void (*kept)(void *arg, struct outcome *outcome, const char *failure);
};

/* Reads what `dir` holds; makes it where it is missing. What is no outcome is told in the log and left alone. The pool
 * has to end before the outbox does. */
struct outbox *outbox_open(const char *dir, struct thread_pool *pool, const struct outbox_events *events, void *arg,
                           struct err *err);
void outbox_close(struct outbox *outbox);

/* Writes it in place of what has its token; `kept` follows, until which it must not change. */
void outbox_keep(struct outbox *outbox, struct outcome *outcome);
/* Removes what has that token, if there is something. */
void outbox_drop(struct outbox *outbox, const char *token);
/* From now on everything happens within its call: the process is about to end. */
void outbox_hurry(struct outbox *outbox);

#endif
