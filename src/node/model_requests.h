/* What a broker asks about models: their reports, their weights. */
#ifndef DCLS_NODE_MODEL_REQUESTS_H
#define DCLS_NODE_MODEL_REQUESTS_H

#include "dcls/proto/msg.h"

struct daemon;

void model_request_report(struct daemon *daemon, const struct msg *msg); /* GET_JSON */
/* SERVER PUSH; its members may be taken out. */
void model_request_push(struct daemon *daemon, struct msg *msg);

#endif
