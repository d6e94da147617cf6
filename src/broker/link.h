/* The TCP side: one link a connected peer, over a stream of messages.
 *
 * A link is greeted by CLIENT CONNECT within 10 s or ended, and pinged where its peer knows the protocol. It is never
 * freed inside its own callbacks: link_close marks it, the loop frees it after `closed`. */
#ifndef DCLS_BROKER_LINK_H
#define DCLS_BROKER_LINK_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct link;
struct links;
struct node;

typedef void link_callback(void *arg, struct link *link);

struct link_events {
    /* A message that a node may send; members may be taken out. */
    void (*message)(void *arg, struct link *link, struct msg *msg);
    /* SERVER TRAIN has left for a legacy peer, behind what was sent before. */
    void (*train_left)(void *arg, struct link *link, const char *train_key);
    link_callback *closed; /* the last one: the link is about to be freed */
};

/* `arg` is given to each event. Of more than `max` connections each further one is told so and closed. */
struct links *links_new(struct event_base *base, const char *host, int port, int max, const struct link_events *events,
                        void *arg, struct err *err);
int links_port(const struct links *links);
/* How many connections there are, and the bytes of all that there were. */
struct links_traffic {
    int connections;
    uint64_t received, sent;
};
struct links_traffic links_traffic(const struct links *links);
void links_free(struct links *links); /* without events */

/* -1 where the link is closing or the message cannot be sent, which is logged. */
int link_send(struct link *link, const struct msg *msg);
int link_send_type(struct link *link, enum msg_type type);
/* ERROR with a text. */
void link_send_error(struct link *link, const char *text);
/* SERVER TRAIN of that key is not sent any more, and `train_left` does not come; false where it does not wait to be. */
bool link_withdraw_train(struct link *link, const char *train_key);
/* A legacy peer answered what it owed. */
void link_answered(struct link *link);
void link_close(struct link *link, const char *why);
/* Both, without a word in the log: for what may come again and again. */
void link_refuse(struct link *link, const char *text);

/* The node that registered over it; NULL before, and after it was replaced or left. */
struct node *link_node(const struct link *link);
void link_set_node(struct link *link, struct node *node);
bool link_is_legacy(const struct link *link);
void link_set_legacy(struct link *link, bool legacy);
/* clock_ms() of the last bytes that came in, and how many lines had come by then. */
int64_t link_heard_ms(const struct link *link);
uint64_t link_messages(const struct link *link);
/* Whether the peer is being found out whose name it wants. */
struct probe *link_probe(struct link *link);
/* Keeps the contents of `msg`, which is empty then, and calls back after `ms`, unless it was taken by then or the link
 * has gone. */
void link_wait(struct link *link, struct msg *msg, int ms, link_callback *callback);
/* The caller's to release; an empty one where none waits. */
struct msg link_take_waiting(struct link *link);
bool link_same_host(const struct link *a, const struct link *b);
const char *link_peer(const struct link *link); /* "127.0.0.1:40321", for logs */

#endif
