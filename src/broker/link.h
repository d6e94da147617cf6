/* The TCP side: one link a connected peer, framed messages in, encoded messages out.
 *
 * A link is greeted by CLIENT CONNECT within 10 s or ended. It is never freed inside its own callbacks: link_close
 * marks it, the loop frees it afterwards. Per wake-up a bounded number of messages is taken, so that no peer starves
 * the rest; what a peer does not read is bounded too. */
#ifndef DCLS_BROKER_LINK_H
#define DCLS_BROKER_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct broker;
struct link;
struct links;
struct node;

struct links *links_new(struct broker *broker, const char *host, int port, struct err *err);
int links_port(const struct links *links);
void links_free(struct links *links);

/* Sends in the peer's form: legacy peers get REFERENCE fields alone, one message at a time. `wants_answer`: the next
 * one to a legacy peer waits for link_answered. Failure closes the link. */
int link_send(struct link *link, const struct msg *msg, bool wants_answer);
int link_send_type(struct link *link, enum msg_type type);
/* ERROR with a text. */
void link_send_error(struct link *link, const char *text);
/* A legacy peer answered what it owed. */
void link_answered(struct link *link);
void link_close(struct link *link, const char *why);

/* The node that registered over it; NULL before, and after it was replaced or left. */
struct node *link_node(const struct link *link);
void link_set_node(struct link *link, struct node *node);
bool link_is_legacy(const struct link *link);
void link_set_legacy(struct link *link, bool legacy);
/* clock_ms() of the last bytes that came in. */
int64_t link_heard_ms(const struct link *link);
/* Calls back once after `ms`, unless the link has gone by then; a second call replaces the first. */
void link_after(struct link *link, int ms, void (*callback)(struct link *link));
/* A message kept for later, owned by the link; NULL: none. */
void link_keep(struct link *link, struct msg *msg);
struct msg *link_kept(struct link *link);
struct broker *link_broker(const struct link *link);
const char *link_peer(const struct link *link); /* "127.0.0.1:40321", for logs */

#endif
