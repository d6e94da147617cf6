/* The events of clients and of the shell, and the actions that are due. */
#include "jobs.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job_deadlines.h"
#include "job_schedule.h"
#include "jobs_state.h"
#include "registry.h"

struct jobs *jobs_new(struct registry *registry)
{
    struct jobs *jobs = calloc(1, sizeof *jobs);
    if (!jobs)
        return NULL;
    jobs->registry = registry;
    TAILQ_INIT(&jobs->live);
    TAILQ_INIT(&jobs->active);
    TAILQ_INIT(&jobs->work);
    TAILQ_INIT(&jobs->retry);
    jobs->due_ms = INT64_MAX;
    jobs->nodes_version = jobs->idle_version = 1;
    return jobs;
}

static void free_refused(struct jobs *jobs)
{
    job_free(jobs->refused);
    jobs->refused = NULL;
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    free_refused(jobs);
    for (struct job *job = TAILQ_FIRST(&jobs->work), *next; job; job = next) {
        next = TAILQ_NEXT(job, work_link);
        if (job->refused)
            job_free(job); /* no longer in the table */
    }
    for (size_t i = 0; i < jobs->count; i++)
        job_free(jobs->items[i]);
    free(jobs->items);
    free(jobs);
}

int jobs_restore(struct jobs *jobs, struct job *stored, struct moment now)
{
    assert(!jobs->count);
    for (struct job *next; stored; stored = next) {
        long long id = strtoll(stored->id, NULL, 10), key = 0;
        next = stored->next;
        stored->next = NULL;
        if (job_table_add(jobs, stored)) {
            stored->next = next;
            for (; stored; stored = next) {
                next = stored->next;
                job_free(stored);
            }
            return -1;
        }
        if (sscanf(stored->train_key, "train:%lld", &key) == 1 && key > jobs->last_key_ms)
            jobs->last_key_ms = key;
        jobs->last_id = id;
        job_restore(jobs, stored, now);
    }
    return 0;
}

void jobs_stop(struct jobs *jobs, struct moment now)
{
    jobs->stopping = true;
    for (struct job *job = TAILQ_FIRST(&jobs->active), *next; job; job = next) {
        next = TAILQ_NEXT(job, active_link);
        if (job->state == JOB_STARTING && !job->live->sent)
            job_put_back(jobs, job, false, now);
    }
    for (struct job *job = TAILQ_FIRST(&jobs->retry), *next; job; job = next) {
        next = TAILQ_NEXT(job, retry_link);
        job->retry_ms = now.ms;
        job_retry(jobs, job, now);
    }
}

/* Events of clients and of the shell */

int jobs_add(struct jobs *jobs, struct job *job, struct moment now)
{
    int64_t key = now.wall_ms > jobs->last_key_ms ? now.wall_ms : jobs->last_key_ms + 1;
    snprintf(job->id, sizeof job->id, "%lld", (long long)jobs->last_id + 1);
    snprintf(job->train_key, sizeof job->train_key, "train:%lld", (long long)key);
    if (job_table_add(jobs, job)) {
        job_free(job);
        return -1;
    }
    jobs->last_id++;
    jobs->last_key_ms = key;
    job->created = now.wall_ms;
    job->epochs = job->live->options.epochs;
    job_enqueue(jobs, job);
    return 0;
}

int jobs_cancel(struct jobs *jobs, struct job *job, struct moment now, struct refusal *refusal)
{
    struct job_live *live = job->live;
    const struct node *node = *job->node ? registry_find(jobs->registry, job->node) : NULL;
    char reason[2 * NAME_SIZE];
    if (job_is_over(job))
        return refuse(refusal, 409, "job '%s' has ended already: %s", job->id, job_state_names[job->state]);
    if (job->state == JOB_ENDING)
        /* Where it is cancelled already, that answers when it is stored. */
        return live->end.state == JOB_CANCELLED ? 0 : refuse(refusal, 409, "job '%s' is about to end", job->id);
    if (job->state == JOB_QUEUED || !live->sent || live->lost_ms || !node) {
        job_cancel(jobs, job, NULL, now);
    } else if (!node_offers(node, "cancel")) {
        snprintf(reason, sizeof reason, "node '%s' cannot cancel a training: it may train on", job->node);
        job_cancel(jobs, job, reason, now);
    } else if (!live->cancelling) {
        live->cancelling = true;
        job_change(jobs, job);
        live->cancel_version = job->version;
    } else if (job->committed >= live->cancel_version) {
        job_answer(jobs, job, 202);
    }
    return 0;
}

void jobs_train_withdrawn(struct job *job)
{
    assert(job->state == JOB_STARTING && job->live->sent);
    job->live->sent = false;
}

void jobs_train_sent(struct jobs *jobs, struct job *job, bool ok, struct moment now)
{
    struct job_live *live = job->live;
    assert(job->state == JOB_STARTING && live->sent);
    struct node *node = registry_find(jobs->registry, job->node);
    if (!ok && node)
        node->ready = false; /* its connection is about to end: nothing starts there any more */
    if (!ok || !node) {
        job_put_back(jobs, job, false, now);
        return;
    }
    live->sent_ms = live->heard_ms = now.ms;
    jobs_due_at(jobs, now.ms + JOBS_BEGIN_MS);
}

/* Actions */

/* Whether it can be done at all, as things are now. */
static bool fill(struct jobs *jobs, struct job *job, struct moment now, struct job_action *action)
{
    struct job_live *live = job->live;
    action->node = *job->node ? registry_find(jobs->registry, job->node) : NULL;
    action->status = job->answer;
    switch (action->what) {
    case JOB_STORE:
        if (!job_is_to_store(job, now))
            return false;
        job_is_writing(job);
        action->version = job->version;
        return true;
    case JOB_SEND_TRAIN:
        if (job->state != JOB_STARTING || live->sent || jobs->stopping || !action->node)
            return false;
        live->sent = true;
        return true;
    case JOB_SEND_CANCEL:
        if (!action->node || !node_offers(action->node, "cancel"))
            return false;
        if (live && live->cancelling) {
            live->cancel_ms = now.ms;
            jobs_due_at(jobs, now.ms + JOBS_CANCEL_MS);
        }
        return true;
    case JOB_SEND_ACK: live->acknowledge = false; return action->node;
    case JOB_PUBLISH: return job->committed;
    default: return true;
    }
}

/* Nothing is due of it now. */
static void leave_work(struct jobs *jobs, struct job *job)
{
    TAILQ_REMOVE(&jobs->work, job, work_link);
    job->is_in_work = false;
    if (job->refused)
        jobs->refused = job;
    else
        job_retry_later(jobs, job);
    if (job_is_over(job) && !job->given_up && job->version == job->committed)
        job_slim(job);
}

static bool next_of(struct jobs *jobs, struct job *job, struct moment now, struct job_action *action)
{
    /* A change has no bit of its own: the versions tell. */
    job->todo |= (unsigned)job_is_to_store(job, now) << JOB_STORE;
    for (int what = 0; what < JOB_ACTIONS; what++) {
        if (!(job->todo & 1u << what))
            continue;
        job->todo &= ~(1u << what);
        *action = (struct job_action){ .what = (enum job_action_what)what, .job = job };
        if (fill(jobs, job, now, action))
            return true;
    }
    return false;
}

bool jobs_next(struct jobs *jobs, struct moment now, struct job_action *action)
{
    free_refused(jobs);
    job_schedule(jobs, now);
    for (struct job *job = TAILQ_FIRST(&jobs->work); job; job = TAILQ_FIRST(&jobs->work)) {
        if (next_of(jobs, job, now, action))
            return true;
        leave_work(jobs, job);
        free_refused(jobs);
    }
    return false;
}

int64_t jobs_due(const struct jobs *jobs)
{
    return jobs->due_ms;
}

void jobs_tick(struct jobs *jobs, struct moment now)
{
    job_deadlines(jobs, now);
}

static size_t count_over(const struct jobs *jobs)
{
    size_t count = 0;
    for (int state = JOB_COMPLETED; state < JOB_STATES; state++)
        count += jobs->in_state[state];
    return count;
}

bool jobs_forget_oldest(struct jobs *jobs, size_t keep, char id[JOB_ID_SIZE])
{
    for (size_t i = 0; i < jobs->count && count_over(jobs) > keep; i++) {
        struct job *job = jobs->items[i];
        if (!job_is_over(job) || job->version != job->committed || job->writing || job->is_in_work || job->is_in_retry)
            continue;
        memcpy(id, job->id, JOB_ID_SIZE);
        job_table_remove(jobs, job);
        jobs->in_state[job->state]--;
        job_free(job);
        return true;
    }
    return false;
}
