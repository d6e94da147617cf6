/* Server-sent events (the WHATWG HTML standard, section 9.2): the event streams of all clients.
 *
 * A stream follows the ring of events.h at its client's pace: it takes the next events when the last have left, and one
 * that falls out of the ring is closed; the client comes again with Last-Event-ID. Who has no such id, or one that is
 * too old, gets the state of things first: those events but the last of them have the id 0, so that a client that
 * breaks off amid them gets them again. */
#ifndef DCLS_BROKER_SSE_H
#define DCLS_BROKER_SSE_H

#include "dcls/base/buf.h"
#include "src/broker/events.h"
#include "exchange.h"

struct broker;
struct sse;

/* Follows broker->events and keeps the time for it (events_tick). NULL where memory lacks. */
struct sse *sse_new(struct broker *broker);
/* After every stream's exchange was ended. */
void sse_free(struct sse *sse);

/* The state of things that a new stream begins with, written event by event with snapshot_add. */
struct snapshot {
    struct buf text;
    bool ok;         /* false once memory lacked */
    size_t last;     /* where the last event begins */
    uint64_t number; /* its id */
};
/* Adds one event of `object`, which it takes; NULL: memory lacked. */
void snapshot_add(struct snapshot *snapshot, const char *kind, cJSON *object);

/* Answers the exchange with a stream and takes it. `job`: only events of that job, and the end with it; NULL: all.
 * `fill` is called at once, where a snapshot is needed; `ended`: the stream ends after the snapshot. */
void sse_add(struct sse *sse, struct exchange *exchange, const char *job, bool ended,
             void (*fill)(struct exchange *exchange, struct snapshot *snapshot));

#endif
