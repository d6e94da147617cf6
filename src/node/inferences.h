/* Inference requests: their images are found or fetched, then one warm worker answers one after the other. A worker
 * that dies, or is killed since it gives no sign of life, takes the request it was at with it, and no other. */
#ifndef DCLS_NODE_INFERENCES_H
#define DCLS_NODE_INFERENCES_H

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct daemon;
struct inferences;

struct inferences *inferences_new(struct daemon *daemon, struct err *err);
/* After thread_pool_free: images may be on their way. */
void inferences_free(struct inferences *inferences);

/* A SERVER INFERENCE; its members may be taken out. Answered by a JSON_RESPONSE or an ERROR with its key. */
void inferences_request(struct inferences *inferences, struct msg *msg);

/* How many wait for their image or for the worker. */
int inferences_waiting(const struct inferences *inferences);

#endif
