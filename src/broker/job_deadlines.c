/* Each state that depends on somebody else has its time. */
#include "job_deadlines.h"

#include <stdio.h>

#include "job_storing.h"
#include "job_transitions.h"
#include "jobs_state.h"
#include "registry.h"

#define LATE_MS 1000   /* who looks so long after a deadline did not run meanwhile */
#define AWAKE_MS 15000 /* then nodes have this long: what they said is still unread, or they come back first */

/* True where it is over; else it is looked at again then. Time in which this process did not run (it was stopped, the
 * machine slept) is nobody's silence. */
static bool has_passed(struct jobs *jobs, int64_t *since_ms, int64_t limit_ms, struct moment now)
{
    int64_t late_ms = now.ms - (*since_ms + limit_ms);
    if (late_ms >= 0 && late_ms < LATE_MS)
        return true;
    if (late_ms >= 0)
        *since_ms = now.ms + AWAKE_MS - limit_ms;
    jobs_due_at(jobs, *since_ms + limit_ms);
    return false;
}

static void stays_away(struct jobs *jobs, struct job *job, struct moment now)
{
    if (!has_passed(jobs, &job->live->lost_ms, JOBS_GRACE_MS, now))
        return;
    if (job->state == JOB_STARTING)
        job_put_back(jobs, job, true, now);
    else
        job_give_up(jobs, job, true, now, "was lost");
}

static void is_not_cancelled(struct jobs *jobs, struct job *job, struct moment now)
{
    char reason[NAME_SIZE + 48];
    if (!has_passed(jobs, &job->live->cancel_ms, JOBS_CANCEL_MS, now))
        return;
    snprintf(reason, sizeof reason, "node '%s' did not cancel it within %d s", job->node, JOBS_CANCEL_MS / 1000);
    job_cancel(jobs, job, reason, now);
}

static void is_silent(struct jobs *jobs, struct job *job, const struct node *node, struct moment now)
{
    struct job_live *live = job->live;
    char why[64];
    if (node_offers(node, "heartbeat") && has_passed(jobs, &live->heard_ms, JOBS_DEAD_MS, now)) {
        snprintf(why, sizeof why, "told nothing of it for %d s", JOBS_DEAD_MS / 1000);
        job_give_up(jobs, job, false, now, why);
        return;
    }
    int64_t times = (now.ms - live->heard_ms) / JOBS_SILENT_MS;
    jobs_due_at(jobs, live->heard_ms + (times + 1) * JOBS_SILENT_MS);
    if (!times)
        return;
    live->silent = true;
    job_set_reason(jobs, job, "nothing was heard of it from node '%s' for %lld s", job->node,
                   (long long)(times * JOBS_SILENT_MS / 1000));
}

static void is_not_begun(struct jobs *jobs, struct job *job, const struct node *node, struct moment now)
{
    char why[48];
    if (!has_passed(jobs, &job->live->sent_ms, JOBS_BEGIN_MS, now))
        return;
    snprintf(why, sizeof why, "did not begin it within %d s", JOBS_BEGIN_MS / 1000);
    if (node_is_legacy(node)) {
        /* Its answers have their time, and where the connection goes the job is put back. */
        job->live->sent_ms = now.ms;
        jobs_due_at(jobs, now.ms + JOBS_BEGIN_MS);
        job_set_reason(jobs, job, "node '%s' is told of it when it has answered what it was asked before", job->node);
    } else if (node_offers(node, "heartbeat")) {
        job_give_up(jobs, job, false, now, why);
    } else {
        job_run(jobs, job); /* it owes no word before its first batch */
        is_silent(jobs, job, node, now);
    }
}

static void tells_nothing(struct jobs *jobs, struct job *job, struct moment now)
{
    char why[64];
    if (!job->live->untold_ms || !has_passed(jobs, &job->live->untold_ms, JOBS_UNTOLD_MS, now))
        return;
    snprintf(why, sizeof why, "was away, and told no outcome for %d h", JOBS_UNTOLD_MS / 3600000);
    job_give_up(jobs, job, true, now, why);
}

static void look_at(struct jobs *jobs, struct job *job, struct moment now)
{
    const struct node *node = registry_find(jobs->registry, job->node);
    if (!job->live->sent)
        return; /* its commit is awaited, which has its own way out */
    if (job->live->lost_ms)
        stays_away(jobs, job, now);
    else if (!node)
        return; /* it is about to be told that it went */
    else if (job->live->cancel_ms)
        is_not_cancelled(jobs, job, now);
    else if (job->state == JOB_STARTING)
        is_not_begun(jobs, job, node, now);
    else if (node_is_legacy(node))
        tells_nothing(jobs, job, now);
    else
        is_silent(jobs, job, node, now);
}

void job_deadlines(struct jobs *jobs, struct moment now)
{
    if (now.ms < jobs->due_ms)
        return;
    jobs->due_ms = INT64_MAX;
    for (struct job *job = TAILQ_FIRST(&jobs->active), *next; job; job = next) {
        next = TAILQ_NEXT(job, active_link);
        look_at(jobs, job, now);
    }
    for (struct job *job = TAILQ_FIRST(&jobs->retry), *next; job; job = next) {
        next = TAILQ_NEXT(job, retry_link);
        job_retry(jobs, job, now);
    }
}
