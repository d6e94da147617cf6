/* Submitting a training: whether it can be, under which name, and that it is queued. */
#ifndef DCLS_BROKER_JOB_SUBMIT_H
#define DCLS_BROKER_JOB_SUBMIT_H

#include "jobs_shell.h"

struct job_submission {
    const char *model_type; /* any name: whether a node knows it shows when it trains */
    const char *model_name; /* NULL: TYPE-N */
    const char *node;       /* NULL: any */
    const struct train_options *options;
};

/* -1: refused, with 400, 404, 409, 500 or 503. Else `done` is called once, after the commit: `job` NULL where it could
 * not be stored. */
int job_submit(struct broker *broker, const struct job_submission *submission, jobs_added *done, void *arg,
               struct refusal *refusal);

#endif
