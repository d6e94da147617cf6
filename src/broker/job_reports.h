/* What nodes tell of trainings: called by dispatch. It counts from the node where a job runs, and whatever becomes of
 * it is done by jobs.h. */
#ifndef DCLS_BROKER_JOB_REPORTS_H
#define DCLS_BROKER_JOB_REPORTS_H

#include <cjson/cJSON.h>

#include "dcls/proto/msg.h"

struct broker;
struct node;

/* `listed`: the jobs of its NODE INFO; NULL: none, or a legacy node. */
void job_reports_node_info(struct broker *broker, struct node *node, const cJSON *listed);
void job_reports_node_gone(struct broker *broker, const char *node);
void job_reports_progress(struct broker *broker, struct node *node, struct msg *msg);
/* Moves `data` out of the message. */
void job_reports_completed(struct broker *broker, struct node *node, struct msg *msg);
void job_reports_failed(struct broker *broker, struct node *node, const struct msg *msg);

#endif
