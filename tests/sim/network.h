/* Connections between nodes and the broker: bytes that take their time, in order, and that are lost where a connection
 * is cut. Messages go through the real encoder and decoder.
 *
 * A connection has two ends. What one end sends arrives at the other after a delay, unless the connection is cut
 * before: then all that is under way is lost, and each end hears of it at a time of its own (or, where a machine fell
 * silent, only when it would have missed its pings). An end that closes lets arrive what it sent, and hears nothing
 * more. */
#ifndef DCLS_SIM_NETWORK_H
#define DCLS_SIM_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dcls/proto/frame.h"
#include "dcls/proto/msg.h"
#include "rng.h"
#include "timeline.h"
#include "trace.h"

#define PINGS_MISSED_MS 10000 /* a silent peer is given up after so long */

struct conn;
struct conn_end;
struct parcel;

struct conn_events {
    /* The message's members may be taken out. */
    void (*message)(void *arg, struct conn_end *end, struct msg *msg, const char *text, size_t len);
    void (*closed)(void *arg, struct conn_end *end, const char *why); /* once; not where this end closed itself */
};

struct conn_end {
    const struct conn_events *events;
    void *arg;
    const struct process *process; /* nothing is told once it ended */
    unsigned life;
    struct conn *conn;
    struct conn_end *peer;
    bool open;                              /* may send */
    int64_t heard_ms;                       /* the timeline's time */
    int64_t arrives;                        /* of what was sent to it last */
    STAILQ_HEAD(parcels, parcel) under_way; /* to it */
    struct frame frame;
};

struct conn {
    struct conn *next;
    struct conn_end ends[2]; /* 0: who dialled */
    bool local;              /* within a machine: no faults */
    bool cut;
    int64_t held_until; /* nothing arrives before */
};

struct network {
    struct timeline *timeline;
    struct trace *trace;
    struct rng rng;
    struct conn *conns;
    int64_t delay_max;   /* ms, of a usual message */
    int64_t slow_one_in; /* one in so many takes up to 5 s; 0: none */
    uint64_t delivered, lost;
};

void network_init(struct network *network, struct timeline *timeline, struct trace *trace, uint64_t seed);
void network_release(struct network *network);

/* A connection whose both ends are open; each is to be bound before time passes. */
struct conn *network_connect(struct network *network);
void conn_end_bind(struct conn_end *end, const struct conn_events *events, void *arg, const struct process *process);
/* -1 where the end is closed or the message cannot be encoded; `legacy`: as to a legacy peer. */
int network_send(struct network *network, struct conn_end *end, const struct msg *msg, bool legacy);
int network_send_text(struct network *network, struct conn_end *end, const char *text, size_t len);
/* This end closes: the other hears of it behind what was sent. */
void network_close(struct network *network, struct conn_end *end);
/* The connection breaks: what is under way is lost. `silent`: neither end is told but by missing pings. */
void network_cut(struct network *network, struct conn *conn, bool silent);
/* Nothing arrives for so long; where that is longer than pings are waited for, both ends give the connection up. */
void network_hold(struct network *network, struct conn *conn, int64_t ms);

#endif
