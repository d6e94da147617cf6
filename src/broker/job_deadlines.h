/* What passes while nobody tells anything: the deadlines of trainings. */
#ifndef DCLS_BROKER_JOB_DEADLINES_H
#define DCLS_BROKER_JOB_DEADLINES_H

#include "dcls/base/clock.h"

struct jobs;

/* Does what is due by `now`, and finds out what is next. */
void job_deadlines(struct jobs *jobs, struct moment now);

#endif
