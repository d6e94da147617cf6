/* Deleting a model, and what trainings without a model left: at every node that has something of it, be it away.
 *
 * What is to go is stored first, then the nodes that are there are asked, and have MODEL_REMOVE_MS to answer. A node
 * that is away is asked when it is back; it is promised then, and stays so over a restart of the broker. A node that
 * refuses keeps its model, unless it was promised: then it is asked again, now and then. */
#ifndef DCLS_BROKER_MODEL_REMOVE_H
#define DCLS_BROKER_MODEL_REMOVE_H

#include <stdbool.h>

#include "dcls/proto/msg.h"
#include "refusal.h"
#include "removal_request.h"

#define MODEL_REMOVE_MS 10000

struct broker;
struct node;

/* -1: refused, with 404; with 409 while it is trained or removed already, or where a node cannot remove models; or 500.
 * Else `done` is called once, later or at once; not at all when the broker stops before. */
int model_remove(struct broker *broker, const char *model, model_removed *done, void *arg, struct refusal *refusal);

/* From dispatch. A node told what it has, and is asked for what was promised; its MODEL REMOVED or REMOVE FAILED; an
 * ERROR of one that answers so (false where it belonged to nothing that was asked); the node is gone. */
void model_remove_node_info(struct broker *broker, const struct node *node);
void model_remove_answer(struct broker *broker, struct node *node, const struct msg *msg);
bool model_remove_error(struct broker *broker, const struct node *node, const struct msg *msg);
void model_remove_node_gone(struct broker *broker, const char *node);
/* Asks again for what was promised and refused. */
void model_remove_retry(struct broker *broker);
/* Drops those who wait; before removals_free. */
void model_remove_stop(struct broker *broker);

#endif
