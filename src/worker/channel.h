/* The worker's line to whoever started it: JSON messages over a socket, or to standard output of `--job`.
 *
 * A thread of its own listens, so that a cancel or the end of the line is heard while the main thread computes; over a
 * socket it gives a sign of life every 5 s (WORKER ALIVE), so that who computes for long differs from who hangs. Call
 * order: channel_new, then channel_send, channel_next and channel_cancelled at will from the main thread, then
 * channel_free. */
#ifndef DCLS_WORKER_CHANNEL_H
#define DCLS_WORKER_CHANNEL_H

#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct channel;

/* Messages come from and go to `fd`, a stream socket that the channel closes in the end. */
struct channel *channel_new_socket(int fd, struct err *err);
/* Messages go to `fd`, which stays open; none come. SIGINT or SIGTERM cancel, a second one ends the process. */
struct channel *channel_new_output(int fd, struct err *err);
void channel_free(struct channel *channel);

int channel_send(struct channel *channel, const struct msg *msg, struct err *err);

/* Waits for the next message; SERVER CANCEL is not among them. false: the line has ended. The caller releases `msg`
 * in both cases. */
bool channel_next(struct channel *channel, struct msg *msg);

/* A cancel was heard, or the line has ended. */
bool channel_cancelled(const struct channel *channel);

#endif
