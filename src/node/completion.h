/* What a node adds to the word of its worker that a training is complete: the new model, as it is described to brokers,
 * and that it is there. */
#ifndef DCLS_NODE_COMPLETION_H
#define DCLS_NODE_COMPLETION_H

#include "dcls/proto/msg.h"

struct daemon;

/* Looks at the models again, and describes the new one in the TRAINING_COMPLETED of a worker. */
void completion_describe(struct daemon *daemon, struct msg *completed);
/* NEW MODEL ADDED. */
void completion_announce(struct daemon *daemon, const struct msg *completed);

#endif
