/* What each message of a node does. */
#ifndef DCLS_BROKER_DISPATCH_H
#define DCLS_BROKER_DISPATCH_H

#include "dcls/proto/msg.h"

struct broker;
struct link;

/* Handles one decoded message; takes nothing of it but what it moves out. */
void dispatch_message(struct broker *broker, struct link *link, struct msg *msg);
/* The link is about to be freed: its node, if any, leaves. */
void dispatch_closed(struct broker *broker, struct link *link);

#endif
