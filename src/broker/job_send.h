/* What nodes are told of trainings: SERVER TRAIN, SERVER CANCEL, SERVER JOB ACK. */
#ifndef DCLS_BROKER_JOB_SEND_H
#define DCLS_BROKER_JOB_SEND_H

#include <cjson/cJSON.h>

#include "job.h"

struct node;

/* -1 where it cannot be sent: the link is closed then. */
int job_send_train(const struct job *job, const struct node *node);
/* Of the current generation. */
void job_send_cancel(const struct job *job, const struct node *node);
void job_send_ack(const struct job *job, const struct node *node); /* a legacy node is sent nothing */
/* Of what runs there and must not: an entry of NODE INFO's jobs. */
void job_send_cancel_entry(const cJSON *entry, const struct node *node);
/* For an outcome that nobody needs, of `job`, or of none that is known (NULL). */
void job_send_drop(const struct msg *outcome, const struct job *job, const struct node *node);

#endif
