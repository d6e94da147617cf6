/* What of trainings is on its way to the store, and what follows from its commit. A write that fails is tried again for
 * as long as it takes, 0.5 s to 30 s apart; but a job that was never stored is refused. */
#ifndef DCLS_BROKER_JOB_STORING_H
#define DCLS_BROKER_JOB_STORING_H

#include "dcls/base/clock.h"
#include "job.h"

#define JOBS_RETRY_MIN_MS 500
#define JOBS_RETRY_MAX_MS 30000

struct jobs;

/* There is something to write, and it may be written now. */
bool job_is_to_store(const struct job *job, struct moment now);
/* It goes to the store as it is now. */
void job_is_writing(struct job *job);
/* Something is to be written later: wakes for it. */
void job_retry_later(struct jobs *jobs, struct job *job);
/* Of one that waits: its time has come, or when it will. */
void job_retry(struct jobs *jobs, struct job *job, struct moment now);
/* What was written as `version` is committed (`ok`), or not. */
void jobs_stored(struct jobs *jobs, struct job *job, uint64_t version, bool ok, struct moment now);

#endif
