/* The HTTP connections: how many there may be, whose requests may be under way, and which are closed to make room.
 *
 * Requests under way have shares of the connections, by their route: clients at most a half, event streams at most a
 * quarter, what nodes fetch and send at most a half. So however many clients wait, a quarter is left for the nodes that
 * they wait for, and who is over a share is told so at once. A connection that has no request under way has no right to
 * its place: where room is short the one that kept silent for the longest goes.
 *
 * evhttp tells neither of a connection's end nor of what it reads; the kernel does (TCP_INFO), when asked. It is asked
 * about all connections where room is short, and every few seconds while there are any: a request has to arrive, and an
 * answer to be taken, at a least rate, and a client that left keeps no place. */
#ifndef DCLS_BROKER_CONNECTIONS_H
#define DCLS_BROKER_CONNECTIONS_H

#include <event2/event.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdint.h>

#include "dcls/base/err.h"

enum share { SHARE_CLIENTS, SHARE_STREAMS, SHARE_NODES, SHARES };

struct connections;

struct connections *connections_new(struct event_base *base, int max);
/* After evhttp was freed. */
void connections_free(struct connections *connections);

/* Accepting rests where there is no room. */
void connections_watch(struct connections *connections, struct evconnlistener *listener);
/* What evhttp asks for with each connection that it accepts (evhttp_set_bevcb). NULL where memory lacks. */
struct bufferevent *connections_accept(struct connections *connections);

/* The most requests of a share that may be under way, and how many are. */
int connections_share_max(const struct connections *connections, enum share share);
int connections_share_used(const struct connections *connections, enum share share);
/* How many are open, and the bytes of all that there were. */
struct connections_traffic {
    int open;
    uint64_t received, sent;
};
struct connections_traffic connections_traffic(const struct connections *connections);

/* A request's place among them, from when it has arrived to the end of its answer or of its connection. */
struct seat {
    struct connections *connections;
    int fd; /* of the connection; -1: none */
    enum share share;
    bool taken; /* it counts in that share */
    void (*left)(struct seat *seat);
};

/* `left` is called, from the loop, where the client closed the connection while its answer was still being found. The
 * seat stays where it is until seat_close. */
void seat_open(struct seat *seat, struct connections *connections, int fd, void (*left)(struct seat *seat));
/* False where the share is used up. */
bool seat_take(struct seat *seat, enum share share);
/* Whether the client has closed the connection, which `left` may tell some seconds later. */
bool seat_has_left(const struct seat *seat);
/* The answer has begun: from now on its client has to take it. Not for streams. */
void seat_answering(struct seat *seat);
/* Also where it was closed before. */
void seat_close(struct seat *seat);

#endif
