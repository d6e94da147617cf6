/* A connection that carries messages: bytes into messages and back, over a socket of any kind, on the loop's thread.
 *
 *     connecting → open → closing → closed
 *
 * Everything is bounded: what is read and handled per wake-up, so that no peer starves the rest; what is kept of a
 * message that is not whole; what the peer does not read, in bytes and in time. Whoever breaks a bound is closed.
 *
 * Order of calls: `connected` first, where the stream was made by message_stream_connect; then `message` and `refused`
 * as they come; `closed` last, once, from the loop and never from within a function of this header: after
 * message_stream_close, after a failure, or after the end of what the peer sends, when all that came before it was
 * handled. A stream is freed in `closed` or outside of all its events.
 *
 * A legacy peer gets the legacy form of a message, one at a time: see dcls/proto/legacy_queue.h.
 *
 * Nothing else touches the socket or libevent's buffers of a connection: TLS comes in here. */
#ifndef DCLS_NET_MESSAGE_STREAM_H
#define DCLS_NET_MESSAGE_STREAM_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

#define MESSAGE_STREAM_MESSAGES_A_WAKE 16 /* so that 50 peers which send without end hold up others by 800 */
#define MESSAGE_STREAM_WRITE_MS 60000     /* for which a peer may take nothing of what waits for it */

struct message_stream;

/* Only `closed` must be there. */
struct message_stream_events {
    void (*connected)(void *arg);
    /* Members of `msg` may be taken out; it is released after. `text` is the message as it came. */
    void (*message)(void *arg, struct msg *msg, const char *text, size_t len);
    /* What was no message; `text` is NULL for one that was too long, the rest of which is passed over. */
    void (*refused)(void *arg, const char *text, size_t len, const struct err *why);
    /* A message that was given a key has left for the network. Legacy peers only: others acknowledge. */
    void (*sent)(void *arg, const char *key);
    void (*closed)(void *arg, const char *why); /* may free the stream; `why` outlives it */
};

/* Of a connected socket, which it takes over, also where it fails. `events` must outlive the stream. */
struct message_stream *message_stream_new(struct event_base *base, int fd, const struct message_stream_events *events,
                                          void *arg, struct err *err);
/* Begins to connect to an address: `connected` follows, or `closed`. */
struct message_stream *message_stream_connect(struct event_base *base, const struct sockaddr *address, socklen_t size,
                                              const struct message_stream_events *events, void *arg, struct err *err);
/* At once, without an event. NULL is fine. */
void message_stream_free(struct message_stream *stream);
/* What was sent last gets 200 ms to leave. Of several calls the first counts. */
void message_stream_close(struct message_stream *stream, const char *why);
bool message_stream_is_open(const struct message_stream *stream);

/* -1 where the stream is not open, the message cannot be encoded, or the peer's bounds are passed, which closes the
 * stream. `key`: see `sent`; or NULL. */
int message_stream_send(struct message_stream *stream, const struct msg *msg, const char *key, struct err *err);
/* Nothing more will be sent: the peer reads an end after what was sent. */
void message_stream_end_output(struct message_stream *stream);
size_t message_stream_backlog(const struct message_stream *stream); /* bytes not yet taken by the network */
/* Bytes that were read; and those of messages that were taken to be sent. */
uint64_t message_stream_received(const struct message_stream *stream);
uint64_t message_stream_sent(const struct message_stream *stream);
int64_t message_stream_heard_ms(const struct message_stream *stream); /* clock_ms() of the last bytes that came */

/* From now on the peer is a legacy one, whose answer to a message is awaited for that long; 0: it is none, as at first.
 */
void message_stream_set_legacy(struct message_stream *stream, int64_t answer_ms);
bool message_stream_is_legacy(const struct message_stream *stream);
void message_stream_answered(struct message_stream *stream);    /* the legacy peer answered what it owed */
int message_stream_queued(const struct message_stream *stream); /* messages whose time to leave has not come */
/* Drops the one of that key; false where none waits. */
bool message_stream_withdraw(struct message_stream *stream, const char *key);

/* Another deadline than MESSAGE_STREAM_WRITE_MS. */
void message_stream_set_write_ms(struct message_stream *stream, int ms);

#endif
