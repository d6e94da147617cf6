/* What nodes tell of trainings, to the core of jobs and to the list of models; and what they are told at once. */
#ifndef DCLS_BROKER_NODE_REPORTS_H
#define DCLS_BROKER_NODE_REPORTS_H

#include "dcls/proto/msg.h"

struct broker;
struct node;

void node_reports_came(struct broker *broker, const struct node *node);
/* It is still in the registry, and not `ready` any more; jobs_shell_drain is due when it has left. */
void node_reports_gone(struct broker *broker, const struct node *node);
/* SERVER TRAIN has left for a legacy node. */
void node_reports_train_left(struct broker *broker, const struct node *node, const char *train_key);
void node_reports_info(struct broker *broker, const struct node *node, const struct msg *msg);
void node_reports_progress(struct broker *broker, const struct node *node, const struct msg *msg);
/* TRAINING_COMPLETED, of which `data` may be moved out, and TRAINING FAILED. */
void node_reports_outcome(struct broker *broker, struct node *node, struct msg *msg);
/* An ERROR that answers nothing else. False: it is about no training. */
bool node_reports_error(struct broker *broker, const struct node *node, const struct msg *msg);

#endif
