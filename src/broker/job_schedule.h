/* Which queued training starts where, and why the others wait. */
#ifndef DCLS_BROKER_JOB_SCHEDULE_H
#define DCLS_BROKER_JOB_SCHEDULE_H

#include "dcls/base/clock.h"

struct jobs;

/* Starts what can start, in the order of submission: a job bound to a busy or absent node holds up nobody else's. Of
 * several nodes an unbound job gets the one with the fewest pending inferences, then the most cores, then the first.
 * Looks at nothing where nothing changed, and at what was looked at before only where the nodes did. */
void job_schedule(struct jobs *jobs, struct moment now);

#endif
