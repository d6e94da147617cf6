/* The table of trainings, and the ends of them. Everything that is stored of a job goes through here, and what ends
 * it; the messages are job_send.c's. */
#include "jobs.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/base/err.h"
#include "dcls/base/log.h"
#include "dcls/net/timer.h"
#include "events.h"
#include "job_send.h"
#include "node_events.h"
#include "registry.h"
#include "store.h"

#define TURN_MS 1000

struct jobs {
    struct broker *broker;
    void (*start)(struct broker *broker);
    struct job *first, **end;
    struct job *uncommitted; /* on their way to the store */
    struct jobs_waiter *waiters;
    struct timer *turn;
    int64_t last_id, last_key_ms;
};

/* What has been lost for too long ends; what waits is tried again, for whatever reason it was put back. */
static void on_turn(void *arg)
{
    struct jobs *jobs = arg;
    int64_t now = clock_ms();
    timer_start(jobs->turn, TURN_MS);
    for (struct job *job = jobs->first; job; job = job->next)
        if (job->state == JOB_RUNNING && job->lost_ms && now - job->lost_ms >= JOBS_GRACE_MS)
            jobs_give_up(jobs, job, "was lost");
    jobs->start(jobs->broker);
}

struct jobs *jobs_new(struct broker *broker, void (*start)(struct broker *broker))
{
    struct jobs *jobs = calloc(1, sizeof *jobs);
    if (!jobs)
        return NULL;
    jobs->broker = broker;
    jobs->start = start;
    jobs->end = &jobs->first;
    jobs->turn = timer_new(broker->base, on_turn, jobs);
    if (!jobs->turn) {
        jobs_free(jobs);
        return NULL;
    }
    timer_start(jobs->turn, TURN_MS);
    return jobs;
}

static void free_all(struct job *job)
{
    for (struct job *next; job; job = next) {
        next = job->next;
        job_free(job);
    }
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    timer_free(jobs->turn);
    free_all(jobs->first);
    free_all(jobs->uncommitted);
    free(jobs);
}

static void restore(struct jobs *jobs, struct job *job)
{
    int64_t id = strtoll(job->id, NULL, 10);
    long long key_ms = 0;
    jobs->last_id = id > jobs->last_id ? id : jobs->last_id;
    if (sscanf(job->train_key, "train:%lld", &key_ms) == 1 && key_ms > jobs->last_key_ms)
        jobs->last_key_ms = key_ms;
    job->committed = job_is_over(job);
    if (job->state == JOB_RUNNING) {
        job->sent = true;
        job->lost_ms = clock_ms(); /* until its node says otherwise */
        snprintf(job->reason, sizeof job->reason, "node '%.64s' is away", job->node);
    }
}

void jobs_restore(struct jobs *jobs, struct job *stored)
{
    assert(!jobs->first);
    jobs->first = stored;
    for (; *jobs->end; jobs->end = &(*jobs->end)->next)
        restore(jobs, *jobs->end);
}

void jobs_schedule(struct jobs *jobs)
{
    timer_start(jobs->turn, 0);
}

struct job *jobs_first(const struct jobs *jobs)
{
    return jobs->first;
}

struct job *jobs_find(const struct jobs *jobs, const char *id)
{
    for (struct job *job = jobs->first; job; job = job->next)
        if (!strcmp(job->id, id))
            return job;
    return NULL;
}

struct job *jobs_find_key(const struct jobs *jobs, const char *train_key)
{
    for (struct job *job = jobs->first; job && train_key; job = job->next)
        if (!strcmp(job->train_key, train_key))
            return job;
    return NULL;
}

const struct job *jobs_last_started(const struct jobs *jobs, const char *model)
{
    const struct job *last = NULL;
    for (const struct job *job = jobs->first; job; job = job->next)
        if (*job->node && !strcmp(job->model_name, model))
            last = job;
    return last;
}

static bool any_trains(const struct job *job, const char *model)
{
    for (; job; job = job->next)
        if (!job_is_over(job) && !strcmp(job->model_name, model))
            return true;
    return false;
}

bool jobs_train_model(const struct jobs *jobs, const char *model)
{
    return any_trains(jobs->first, model) || any_trains(jobs->uncommitted, model);
}

size_t jobs_waiting(const struct jobs *jobs)
{
    size_t count = 0;
    for (const struct job *job = jobs->first; job; job = job->next)
        count += job->state == JOB_QUEUED;
    for (const struct job *job = jobs->uncommitted; job; job = job->next)
        count++;
    return count;
}

cJSON *jobs_json(const struct jobs *jobs)
{
    cJSON *object = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(object, "jobs");
    for (const struct job *job = jobs->first; job && list; job = job->next)
        cJSON_AddItemToArray(list, job_json(job));
    return object;
}

void jobs_save(struct jobs *jobs, const struct job *job)
{
    store_save_job(jobs->broker, job, NULL, NULL, NULL, NULL);
}

void jobs_publish(struct jobs *jobs, const struct job *job)
{
    events_publish(jobs->broker->events, "job", job_json(job));
}

/* Adding */

struct addition {
    struct jobs *jobs;
    struct job *job;
    jobs_added *done;
    void *arg;
};

static void add_committed(void *arg, bool ok)
{
    struct addition addition = *(struct addition *)arg;
    struct jobs *jobs = addition.jobs;
    struct job *job = addition.job, **at = &jobs->uncommitted;
    free(arg);
    while (*at != job) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = job->next;
    job->next = NULL;
    if (!ok) {
        addition.done(addition.arg, NULL);
        job_free(job);
        return;
    }
    *jobs->end = job;
    jobs->end = &job->next;
    log_info("job %s: train %s as '%s'", job->id, job->model_type, job->model_name);
    jobs_publish(jobs, job);
    addition.done(addition.arg, job);
    jobs_schedule(jobs);
}

int jobs_add(struct jobs *jobs, struct job *job, jobs_added *done, void *arg)
{
    int64_t now = clock_wall_ms();
    jobs->last_key_ms = now > jobs->last_key_ms ? now : jobs->last_key_ms + 1;
    snprintf(job->id, sizeof job->id, "%lld", (long long)++jobs->last_id);
    snprintf(job->train_key, sizeof job->train_key, "train:%lld", (long long)jobs->last_key_ms);
    job->created = now;
    struct addition *addition = malloc(sizeof *addition);
    if (addition)
        *addition = (struct addition){ jobs, job, done, arg };
    if (!addition || store_save_job(jobs->broker, job, NULL, NULL, add_committed, addition)) {
        free(addition);
        job_free(job);
        return -1;
    }
    job->next = jobs->uncommitted;
    jobs->uncommitted = job;
    return 0;
}

/* Waiting */

static void tell_waiters(struct jobs *jobs, const struct job *job)
{
    for (struct jobs_waiter **at = &jobs->waiters; *at;) {
        struct jobs_waiter *waiter = *at;
        if (waiter->job != job) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        waiter->ended(waiter->arg, job);
        at = &jobs->waiters; /* the callback may have changed the list */
    }
}

void jobs_wait(struct jobs *jobs, struct jobs_waiter *waiter)
{
    if (job_is_over(waiter->job) && !waiter->job->ending) {
        waiter->ended(waiter->arg, waiter->job);
        return;
    }
    waiter->next = jobs->waiters;
    jobs->waiters = waiter;
}

void jobs_stop_waiting(struct jobs *jobs, const struct jobs_waiter *waiter)
{
    struct jobs_waiter **at = &jobs->waiters;
    while (*at && *at != waiter)
        at = &(*at)->next;
    if (*at)
        *at = waiter->next;
}

/* Ending */

/* Its node is free again, as far as this job goes. */
static void release_node(struct jobs *jobs, const struct job *job)
{
    struct node *node = registry_find(jobs->broker->registry, job->node);
    if (!node || strcmp(node->job, job->id))
        return;
    node_set_job(jobs->broker->registry, node, "");
    node_events_publish(jobs->broker);
}

struct stored_end {
    struct jobs *jobs;
    struct job *job;
    unsigned number;
    bool acknowledge;
    jobs_cancelled *done;
    void *arg;
};

static void tell_end(const struct stored_end *end, bool ok)
{
    struct job *job = end->job;
    assert(end->number <= job->ends);
    /* A later end is on its way where the numbers differ: that one tells. */
    if (end->number == job->ends) {
        job->ending = false;
        job->committed = ok;
        if (ok && end->acknowledge)
            job_send_ack(job, registry_find(end->jobs->broker->registry, job->node));
    }
    jobs_publish(end->jobs, job);
    if (end->done)
        end->done(end->arg, ok ? 200 : 500);
    if (job_is_over(job) && !job->ending)
        tell_waiters(end->jobs, job);
}

static void end_committed(void *arg, bool ok)
{
    tell_end(arg, ok);
    free(arg);
}

void jobs_end(struct jobs *jobs, struct job *job, const struct job_end *end)
{
    enum job_state before = job->state;
    assert(end->state > JOB_RUNNING);
    release_node(jobs, job);
    job_set_state(job, end->state);
    if (!job->ending)
        job->before = before;
    job->ending = true;
    job->ended = clock_wall_ms();
    job->lost_ms = 0;
    job->reason[0] = 0;
    job->committed = false;
    job->ends++;
    free(job->error);
    job->error = end->error ? strdup(end->error) : NULL;
    log_info("job %s (%s): %s%s%s", job->id, job->model_name, job_state_names[job->state], end->error ? ": " : "",
             end->error ? end->error : "");
    const struct stored_end stored = { jobs, job, job->ends, end->acknowledge, end->done, end->arg };
    struct stored_end *kept = malloc(sizeof *kept);
    if (kept)
        *kept = stored;
    if (!kept || store_save_job(jobs->broker, job, end->report, end->log, end_committed, kept)) {
        free(kept);
        tell_end(&stored, false);
    }
    jobs_schedule(jobs);
}

void jobs_give_up(struct jobs *jobs, struct job *job, const char *why)
{
    char error[160];
    snprintf(error, sizeof error, "node '%.64s' %s", job->node, why);
    if (job->cancelling)
        jobs_end(jobs, job, &(struct job_end){ .state = JOB_CANCELLED });
    else
        jobs_end(jobs, job, &(struct job_end){ .state = JOB_FAILED, .error = error });
}

void jobs_put_back(struct jobs *jobs, struct job *job)
{
    if (job->cancelling) {
        jobs_end(jobs, job, &(struct job_end){ .state = JOB_CANCELLED });
        return;
    }
    release_node(jobs, job);
    job_set_state(job, JOB_QUEUED);
    job->node[0] = job->reason[0] = 0;
    job->started = job->lost_ms = 0;
    job->sent = false;
    jobs_save(jobs, job);
    jobs_publish(jobs, job);
}

int jobs_cancel(struct jobs *jobs, const char *id, jobs_cancelled *done, void *arg, struct refusal *refusal)
{
    struct job *job = jobs_find(jobs, id);
    if (!job)
        return refuse(refusal, 404, "job '%s' not found", id);
    if (job->ending)
        return refuse(refusal, 409, "job '%s' is about to end", id);
    if (job_is_over(job))
        return refuse(refusal, 409, "job '%s' has ended already: %s", id, job_state_names[job->state]);
    const struct node *node = *job->node ? registry_find(jobs->broker->registry, job->node) : NULL;
    if (job->state == JOB_QUEUED || !node) {
        /* Of a node that is away: it is told when it comes back. */
        jobs_end(jobs, job, &(struct job_end){ .state = JOB_CANCELLED, .done = done, .arg = arg });
        return 0;
    }
    if (job->sent && !node_offers(node, "cancel"))
        return refuse(refusal, 409, "node '%s' cannot cancel a training", job->node);
    job->cancelling = true;
    if (job->sent)
        job_send_cancel(job, node);
    done(arg, 202);
    return 0;
}
