/* The HTTP side of the broker: evhttp, the table of endpoints, and how a handler answers.
 *
 * A request becomes a struct exchange, which is given to its route's handler on the loop's thread. The handler, or
 * whatever it hands the exchange to, ends it by exactly one of exchange_json, exchange_error, exchange_text,
 * exchange_file or exchange_stream_*, whether or not the client is still there: that call frees it. The client going
 * away frees nothing, it only makes the answer go nowhere; so a callback that holds an exchange never dangles.
 *
 * What evhttp has read is bounded: 16 KiB of headers, 32 MiB of body, and per route max_body. Connections are
 * bounded in number and idle time; what is sent to a slow client waits for it, see exchange_file. */
#ifndef DCLS_BROKER_SERVER_H
#define DCLS_BROKER_SERVER_H

#include "dcls/base/err.h"

struct broker;
struct server;

/* Listens on host:port (0: a free one) on the broker's event_base. Called when everything else of the broker stands:
 * it reads broker->base, pool, events, images and state. NULL with err otherwise. */
struct server *server_new(struct broker *broker, const char *host, int port, struct err *err);
int server_port(const struct server *server);
/* The loop no longer turns: ends the helper processes. Before the pool is drained. */
void server_stop(struct server *server); /* NULL is fine */
/* Ends every connection. After the pool was drained and freed; no callback of jobs or replies may come after it. */
void server_free(struct server *server);

#endif
