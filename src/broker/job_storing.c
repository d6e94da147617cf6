/* Versions of trainings and their commits. */
#include "job_storing.h"

#include <assert.h>

#include "dcls/base/backoff.h"
#include "dcls/base/log.h"
#include "job_table.h"
#include "job_transitions.h"
#include "jobs_state.h"

bool job_is_to_store(const struct job *job, struct moment now)
{
    return job->version > job->committed && !job->writing && !job->refused && now.ms >= job->retry_ms;
}

void job_is_writing(struct job *job)
{
    assert(!job->writing);
    job->writing = job->version;
    job->writing_state = job->state == JOB_ENDING ? job->live->end.state : job->state;
}

void job_retry_later(struct jobs *jobs, struct job *job)
{
    if (job->version == job->committed || job->writing || job->refused || job->is_in_retry)
        return;
    TAILQ_INSERT_TAIL(&jobs->retry, job, retry_link);
    job->is_in_retry = true;
    jobs_due_at(jobs, job->retry_ms);
}

void job_retry(struct jobs *jobs, struct job *job, struct moment now)
{
    if (now.ms < job->retry_ms) {
        jobs_due_at(jobs, job->retry_ms);
        return;
    }
    TAILQ_REMOVE(&jobs->retry, job, retry_link);
    job->is_in_retry = false;
    job_mark(jobs, job, JOB_STORE);
}

/* Was never there, and is told so. */
static void refuse_it(struct jobs *jobs, struct job *job)
{
    jobs->in_state[JOB_QUEUED]--;
    TAILQ_REMOVE(&jobs->live, job, live_link);
    job->is_listed_live = false;
    job_table_remove(jobs, job);
    job->refused = true;
    job->todo = 0;
    job->answer = 500;
    job_mark(jobs, job, JOB_ADDED);
}

static void is_not_stored(struct jobs *jobs, struct job *job, uint64_t version, struct moment now)
{
    struct job_live *live = job->live;
    if (!job->committed) {
        refuse_it(jobs, job);
        return;
    }
    jobs->unstored += !job->failures;
    job->retry_ms = now.ms + backoff_ms(job->failures++, JOBS_RETRY_MIN_MS, JOBS_RETRY_MAX_MS);
    log_warn("job %s (%s): cannot be stored now: it is tried again", job->id, job->model_name);
    if (job->state == JOB_ENDING)
        job_mark(jobs, job, JOB_PUBLISH);
    if (live && (live->cancelling || (job->state == JOB_ENDING && live->end.state == JOB_CANCELLED)))
        job_answer(jobs, job, 500);
    if (job->state == JOB_STARTING && version == job->version && !live->sent)
        job_put_back(jobs, job, false, now);
    else
        job_mark(jobs, job, JOB_STORE); /* when its time has come */
}

/* That it is to be cancelled is in the store. */
static bool is_to_cancel(const struct job *job)
{
    const struct job_live *live = job->live;
    return live && live->cancelling && job->committed >= live->cancel_version && !live->cancel_ms;
}

static void is_stored(struct jobs *jobs, struct job *job, uint64_t version)
{
    bool added = !job->committed;
    jobs->unstored -= job->failures > 0;
    job->failures = 0;
    job->retry_ms = 0;
    job->committed = version;
    job->committed_state = job->writing_state;
    job_mark(jobs, job, JOB_PUBLISH);
    if (added) {
        log_info("job %s: train %s as '%s'", job->id, job->model_type, job->model_name);
        job->answer = 202;
        job_mark(jobs, job, JOB_ADDED);
    }
    if (is_to_cancel(job)) {
        job_mark(jobs, job, JOB_SEND_CANCEL);
        job_answer(jobs, job, 202);
    }
    if (job->version != version)
        return; /* it changed meanwhile */
    job_drop_results(job);
    if (job->state == JOB_ENDING)
        job_finish(jobs, job);
    else if (job->state == JOB_QUEUED)
        jobs_reschedule(jobs, false);
    else if (job->state == JOB_STARTING && !job->live->sent)
        job_mark(jobs, job, JOB_SEND_TRAIN);
}

void jobs_stored(struct jobs *jobs, struct job *job, uint64_t version, bool ok, struct moment now)
{
    assert(job->writing && job->writing == version);
    job->writing = 0;
    if (ok)
        is_stored(jobs, job, version);
    else
        is_not_stored(jobs, job, version, now);
}
