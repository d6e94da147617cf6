/* The steps between a training's states. Which lists it is in, who is busy with it and what is due follow from the
 * state, here alone. */
#include "job_transitions.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/err.h"
#include "dcls/base/log.h"
#include "job_table.h"
#include "jobs_state.h"
#include "registry.h"

#define REASON_SIZE 256

/* What is due */

static void put_in_work(struct jobs *jobs, struct job *job)
{
    if (job->is_in_work)
        return;
    TAILQ_INSERT_TAIL(&jobs->work, job, work_link);
    job->is_in_work = true;
}

void job_mark(struct jobs *jobs, struct job *job, enum job_action_what what)
{
    job->todo |= 1u << what;
    put_in_work(jobs, job);
}

void job_answer(struct jobs *jobs, struct job *job, int status)
{
    job->answer = status;
    job_mark(jobs, job, JOB_ANSWER_CANCEL);
}

void job_change(struct jobs *jobs, struct job *job)
{
    job->version++;
    put_in_work(jobs, job);
}

void jobs_due_at(struct jobs *jobs, int64_t ms)
{
    if (ms < jobs->due_ms)
        jobs->due_ms = ms;
}

void jobs_reschedule(struct jobs *jobs, bool nodes)
{
    jobs->schedule = true;
    jobs->nodes_version += nodes;
}

void job_set_reason(struct jobs *jobs, struct job *job, const char *format, ...)
{
    char text[REASON_SIZE] = "";
    if (format) {
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        err_one_line(text, sizeof text);
    }
    if (!strcmp(text, job->reason ? job->reason : ""))
        return;
    job_set_text(&job->reason, *text ? text : NULL);
    job_mark(jobs, job, JOB_PUBLISH);
}

/* States */

static bool is_active(enum job_state state)
{
    return state == JOB_STARTING || state == JOB_RUNNING;
}

/* A node is busy with what is assigned to it. */
void jobs_set_busy(struct jobs *jobs, const char *name)
{
    struct node *node = registry_find(jobs->registry, name);
    const struct job *job = jobs_at(jobs, name);
    const char *id = job ? job->id : "";
    if (!node || !strcmp(node->job, id))
        return;
    node_set_job(jobs->registry, node, id);
    if (job)
        return;
    jobs->idle_version++;
    jobs_reschedule(jobs, false);
}

/* The oldest first: it may be one that was given up and goes on. */
static void list_live(struct jobs *jobs, struct job *job)
{
    long long number = strtoll(job->id, NULL, 10);
    struct job *older = TAILQ_LAST(&jobs->live, job_list);
    while (older && strtoll(older->id, NULL, 10) > number)
        older = TAILQ_PREV(older, job_list, live_link);
    if (older)
        TAILQ_INSERT_AFTER(&jobs->live, older, job, live_link);
    else
        TAILQ_INSERT_HEAD(&jobs->live, job, live_link);
}

static void set_listed(struct jobs *jobs, struct job *job)
{
    bool live = !job_is_over(job), active = is_active(job->state);
    if (live && !job->is_listed_live)
        list_live(jobs, job);
    else if (!live && job->is_listed_live)
        TAILQ_REMOVE(&jobs->live, job, live_link);
    job->is_listed_live = live;
    if (active && !job->is_active)
        TAILQ_INSERT_TAIL(&jobs->active, job, active_link);
    else if (!active && job->is_active)
        TAILQ_REMOVE(&jobs->active, job, active_link);
    job->is_active = active;
    if (*job->node)
        jobs_set_busy(jobs, job->node);
}

static void set_state(struct jobs *jobs, struct job *job, enum job_state state)
{
    enum { OVER = 1 << JOB_COMPLETED | 1 << JOB_FAILED | 1 << JOB_CANCELLED };
    static const unsigned follow[JOB_STATES] = {
        [JOB_QUEUED] = 1 << JOB_STARTING | 1 << JOB_ENDING,
        [JOB_STARTING] = 1 << JOB_QUEUED | 1 << JOB_RUNNING | 1 << JOB_ENDING,
        [JOB_RUNNING] = 1 << JOB_ENDING,
        [JOB_ENDING] = OVER | 1 << JOB_RUNNING, /* running: it was given up, and its node came back with it */
        [JOB_FAILED] = 1 << JOB_RUNNING | 1 << JOB_ENDING,
    };
    assert(follow[job->state] & 1u << state);
    assert(job->state != JOB_FAILED || job->live);
    log_debug("job %s: %s -> %s", job->id, job_state_names[job->state], job_state_names[state]);
    jobs->in_state[job->state]--;
    jobs->in_state[state]++;
    job->state = state;
    set_listed(jobs, job);
}

void job_enqueue(struct jobs *jobs, struct job *job)
{
    assert(job->state == JOB_QUEUED && !job->version);
    jobs->in_state[JOB_QUEUED]++;
    set_listed(jobs, job);
    job_change(jobs, job);
}

void job_restore(struct jobs *jobs, struct job *job, struct moment now)
{
    assert(job->state != JOB_ENDING);
    job->version = job->committed = 1;
    job->committed_state = job->state;
    jobs->in_state[job->state]++;
    job->given_up &= job->state == JOB_FAILED;
    if (job->state == JOB_QUEUED) {
        job->node[0] = 0;
        job->live->ranks = 0;
        jobs_reschedule(jobs, false);
    }
    if (job->live) {
        /* Whether SERVER TRAIN went out is not known: it may have. */
        job->live->sent = job->live->ranks;
        job_release_end(&job->live->end);
    }
    if (job_is_over(job) && !job->given_up)
        job_slim(job);
    set_listed(jobs, job);
    if (!is_active(job->state))
        return;
    if (job->live->cancelling) {
        job_cancel(jobs, job, NULL, now);
        return;
    }
    job->live->lost_ms = now.ms;
    job_set_reason(jobs, job, "node '%s' is away", job->node);
    jobs_due_at(jobs, now.ms + JOBS_GRACE_MS);
}

void job_start(struct jobs *jobs, struct job *job, struct node *node, struct moment now)
{
    struct job_live *live = job->live;
    struct assignment *assignment = &live->assignments[0];
    assert(job->committed == job->version && !live->ranks && !*node->job);
    *assignment = (struct assignment){ .rank = 0 };
    snprintf(assignment->node, sizeof assignment->node, "%s", node->name);
    snprintf(assignment->instance, sizeof assignment->instance, "%s", node->instance ? node->instance : "");
    snprintf(assignment->secret_hash, sizeof assignment->secret_hash, "%s", node->secret_hash);
    live->ranks = 1;
    live->sent = false;
    live->session = node->session;
    live->lost_ms = 0;
    live->untold_ms = 0;
    live->cancel_ms = 0;
    job->generation++;
    job->started = now.wall_ms;
    snprintf(job->node, sizeof job->node, "%s", node->name);
    job_set_text(&job->reason, NULL);
    log_info("job %s: on '%s'", job->id, node->name);
    set_state(jobs, job, JOB_STARTING);
    job_change(jobs, job);
}

void job_run(struct jobs *jobs, struct job *job)
{
    struct job_live *live = job->live;
    assert(live->ranks);
    if (job->state != JOB_STARTING) {
        assert(job->given_up);
        log_info("job %s (%s): goes on at '%s'", job->id, job->model_name, job->node);
    }
    job_release_end(&live->end);
    job->given_up = false;
    job->ended = 0;
    job_set_text(&job->error, NULL);
    job_set_text(&job->reason, NULL);
    live->sent = true;
    live->lost_starts = 0;
    set_state(jobs, job, JOB_RUNNING);
    job_change(jobs, job);
    job_mark(jobs, job, JOB_PUBLISH);
}

void job_put_back(struct jobs *jobs, struct job *job, bool lost, struct moment now)
{
    struct job_live *live = job->live;
    char node[NAME_SIZE], why[80];
    assert(job->state == JOB_STARTING);
    live->lost_starts += lost;
    if (live->cancelling || live->lost_starts >= JOBS_LOST_STARTS) {
        snprintf(why, sizeof why, "did not take it: %d starts in a row were lost", live->lost_starts);
        job_give_up(jobs, job, false, now, why);
        return;
    }
    log_info("job %s: back in the queue: its start %s", job->id, lost ? "was lost" : "did not go out");
    memcpy(node, job->node, sizeof node);
    live->ranks = 0;
    live->sent = false;
    live->session = live->lost_ms = 0;
    live->explained = live->tried = 0;
    job->node[0] = 0;
    job->started = 0;
    job_set_text(&job->reason, NULL);
    set_state(jobs, job, JOB_QUEUED);
    jobs_set_busy(jobs, node);
    job_change(jobs, job);
}

void job_end(struct jobs *jobs, struct job *job, struct job_end *end, const char *reason, struct moment now)
{
    struct job_live *live = job->live;
    assert(end->state >= JOB_COMPLETED);
    job_release_end(&live->end);
    live->end = *end;
    *end = (struct job_end){ 0 };
    live->cancelling = false;
    live->lost_ms = 0;
    job->ended = now.wall_ms;
    job->given_up = false;
    free(job->error);
    job->error = live->end.error;
    live->end.error = NULL;
    job_set_text(&job->reason, reason);
    log_info("job %s (%s): %s%s%s", job->id, job->model_name, job_state_names[live->end.state], job->error ? ": " : "",
             job->error ? job->error : "");
    if (job->state != JOB_ENDING)
        set_state(jobs, job, JOB_ENDING);
    job_change(jobs, job);
    job_mark(jobs, job, JOB_PUBLISH);
}

void job_cancel(struct jobs *jobs, struct job *job, const char *reason, struct moment now)
{
    struct job_end end = { .state = JOB_CANCELLED };
    job_end(jobs, job, &end, reason, now);
}

void job_give_up(struct jobs *jobs, struct job *job, bool given_up, struct moment now, const char *why)
{
    char text[REASON_SIZE];
    struct job_end end = { .state = JOB_FAILED };
    snprintf(text, sizeof text, "node '%s' %s", job->node, why);
    if (job->live->cancelling) {
        job_cancel(jobs, job, NULL, now);
        return;
    }
    end.error = strdup(text);
    job_end(jobs, job, &end, NULL, now);
    job->given_up = given_up;
}

void job_finish(struct jobs *jobs, struct job *job)
{
    const struct job_live *live = job->live;
    /* One that may still be at it is told to stop, unless it may bring the job back. */
    bool stops = live->sent && live->ranks && !live->end.by_node && !job->given_up;
    assert(job->state == JOB_ENDING && job->committed == job->version);
    set_state(jobs, job, live->end.state);
    if (stops)
        job_mark(jobs, job, JOB_SEND_CANCEL);
    if (live->acknowledge)
        job_mark(jobs, job, JOB_SEND_ACK);
    job_answer(jobs, job, job->state == JOB_CANCELLED ? 200 : 409);
    job_mark(jobs, job, JOB_ENDED);
    job_mark(jobs, job, JOB_PUBLISH);
}
