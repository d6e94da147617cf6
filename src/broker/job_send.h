/* What nodes are told of trainings: SERVER TRAIN, SERVER CANCEL, SERVER JOB ACK. */
#ifndef DCLS_BROKER_JOB_SEND_H
#define DCLS_BROKER_JOB_SEND_H

#include "job.h"

struct node;

int job_send_train(const struct job *job, const struct node *node);
void job_send_cancel(const struct job *job, const struct node *node);
/* To a node that keeps outcomes until then: a legacy node (and NULL: none) is sent nothing. */
void job_send_ack(const struct job *job, const struct node *node);
/* The same for an outcome of no job that is known here. */
void job_send_ack_unknown(const struct msg *outcome, const struct node *node);

#endif
