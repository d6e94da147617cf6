/* The node's connection to its broker: connects, registers, keeps alive, comes back.
 *
 *     waiting → resolving → connecting → greeting → up → (lost: waiting again, later each time)
 *
 * `greet` is asked for a CLIENT CONNECT; once the broker's SERVER ACK has come, `up` is called and messages flow.
 * Towards a broker that announced no protocol every message goes out in its legacy form, one at a time. SERVER PING,
 * pongs and acknowledgements stay in here. Nothing is queued while the link is not up: whoever has something to tell
 * tells it in `up`. */
#ifndef DCLS_NODE_UPLINK_H
#define DCLS_NODE_UPLINK_H

#include <event2/event.h>
#include <stdbool.h>

#include "dcls/net/thread_pool.h"
#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct uplink;

struct uplink_config {
    struct event_base *base;
    struct thread_pool *pool;
    const char *name; /* of the node; strings must outlive the link */
    const char *host;
    int port;
};

struct uplink_events {
    void *arg;
    int (*greet)(void *arg, struct msg *connect);
    void (*up)(void *arg);
    void (*down)(void *arg); /* it was up and is lost */
    /* A CLIENT PING or CLIENT PONG is about to go to a broker that takes `load` with it: adds it, or not. */
    void (*sign)(void *arg, struct msg *sign);
    /* Members of `msg` may be taken out; it is released after. `text` is the message as it came. */
    void (*message)(void *arg, struct msg *msg, const char *text, size_t len);
    /* What was no valid message: to be answered with an ERROR. */
    void (*malformed)(void *arg, const char *text, size_t len, const struct err *why);
    /* A message that was given a key has left this machine's buffers. Legacy brokers only: others acknowledge. */
    void (*sent)(void *arg, const char *key);
    /* After uplink_close: the broker was told, or cannot be. */
    void (*closed)(void *arg);
};

struct uplink *uplink_new(const struct uplink_config *config, const struct uplink_events *events, struct err *err);
void uplink_free(struct uplink *link); /* after thread_pool_free: a name look-up may be under way */

/* Says CLIENT DISCONNECT and waits shortly; `closed` follows, from the loop. */
void uplink_close(struct uplink *link);

bool uplink_is_up(const struct uplink *link);
bool uplink_is_legacy(const struct uplink *link);     /* of the broker that is or was connected last */
bool uplink_takes_removed(const struct uplink *link); /* that broker takes MODEL REMOVED and REMOVE FAILED */
/* "http://host:port" of the broker's HTTP side; NULL where it told none. */
const char *uplink_api(const struct uplink *link);
size_t uplink_backlog(const struct uplink *link); /* bytes not yet taken by the network */

/* Sends with the node's name. -1 where the link is not up or the message does not fit; the cause is in the log. `key`:
 * see `sent`; or NULL. */
int uplink_send(struct uplink *link, const struct msg *msg, const char *key);
/* An ERROR; keys that are NULL are left out. */
void uplink_send_error(struct uplink *link, const char *inference_key, const char *json_name, const char *message);

#endif
