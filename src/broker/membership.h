/* Nodes come and go: CLIENT CONNECT, CLIENT DISCONNECT and the ends of connections. What admission.h decides is done
 * here. */
#ifndef DCLS_BROKER_MEMBERSHIP_H
#define DCLS_BROKER_MEMBERSHIP_H

#include "dcls/proto/msg.h"

struct broker;
struct link;

/* CLIENT CONNECT; what is needed later is taken out of it. */
void membership_connect(struct broker *broker, struct link *link, struct msg *msg);
/* CLIENT DISCONNECT, which the existing node sends on a connection of its own. */
void membership_disconnect(struct broker *broker, struct link *link, const struct msg *msg);
/* The connection is gone. */
void membership_closed(struct broker *broker, struct link *link);

#endif
