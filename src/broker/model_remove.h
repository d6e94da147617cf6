/* Deleting a model. */
#ifndef DCLS_BROKER_MODEL_REMOVE_H
#define DCLS_BROKER_MODEL_REMOVE_H

#include "refusal.h"

struct broker;

/* Has every connected node that keeps something of the model (the model, or the checkpoint of a training that ended
 * without one) delete it, and forgets it here. -1: refused, with 404, or 409 while it is trained, where a node cannot
 * delete models, or is away. */
int model_remove(struct broker *broker, const char *model, struct refusal *refusal);

#endif
