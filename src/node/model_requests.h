/* What a broker asks about models: their reports, their weights, their removal. */
#ifndef DCLS_NODE_REQUESTS_H
#define DCLS_NODE_REQUESTS_H

#include "dcls/proto/msg.h"

struct node;

void request_report(struct node *node, const struct msg *msg); /* GET_JSON */
void request_push(struct node *node, const struct msg *msg);   /* SERVER PUSH */
void request_remove(struct node *node, const struct msg *msg); /* SERVER REMOVE */

#endif
