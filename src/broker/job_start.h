/* From the queue to a node: which job starts where, its commit, SERVER TRAIN. */
#ifndef DCLS_BROKER_JOB_START_H
#define DCLS_BROKER_JOB_START_H

struct broker;

/* Starts what can start; tells of the others why they wait. For jobs_new. */
void job_start_waiting(struct broker *broker);

#endif
