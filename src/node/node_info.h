/* What a node tells of itself. */
#ifndef DCLS_NODE_NODE_INFO_H
#define DCLS_NODE_NODE_INFO_H

#include "dcls/proto/msg.h"

struct daemon;

/* Fills a CLIENT CONNECT: the machine, the dataset, what this version can do. -1 where memory lacks. */
int node_info_fill_connect(const struct daemon *daemon, struct msg *msg);
/* Adds how busy the machine is, and how much waits here, to a CLIENT PING or CLIENT PONG. */
void node_info_fill_load(struct daemon *daemon, struct msg *sign);
/* Sends NODE INFO: the models, as they were looked at last, the trainings and the dataset. */
void node_info_send(struct daemon *daemon);

#endif
