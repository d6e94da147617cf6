/* Starting jobs: the choice is scheduler.c's. */
#include "job_start.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "job_send.h"
#include "jobs.h"
#include "node_events.h"
#include "registry.h"
#include "scheduler.h"
#include "store.h"

#define NODES_MAX 1024

struct candidates {
    struct job *jobs[JOBS_QUEUE_MAX];
    struct schedule_job queued[JOBS_QUEUE_MAX];
    size_t job_count;
    struct node *nodes[NODES_MAX];
    struct schedule_node ready[NODES_MAX];
    size_t node_count;
};

static bool capable(void *arg, size_t job, size_t node)
{
    const struct candidates *candidates = arg;
    const struct node *candidate = candidates->nodes[node];
    const struct job *queued = candidates->jobs[job];
    return strings_has(&candidate->types, queued->model_type) && !node_lacks_option(candidate, &queued->options);
}

struct starting {
    struct broker *broker;
    struct job *job;
    int64_t generation;
};

static void start_committed(void *arg, bool ok)
{
    const struct starting starting = *(struct starting *)arg;
    struct broker *broker = starting.broker;
    struct job *job = starting.job;
    free(arg);
    assert(starting.generation <= job->generation);
    /* Meanwhile it may have been put back, and even started anew. */
    if (job->state != JOB_RUNNING || job->sent || job->generation != starting.generation)
        return;
    const struct node *node = registry_find(broker->registry, job->node);
    bool there = node && !strcmp(node->job, job->id);
    if (!ok || job->cancelling || broker->stopping || !there || job_send_train(job, node)) {
        jobs_put_back(broker->jobs, job); /* the next turn tries again */
        return;
    }
    job->sent = true;
    jobs_publish(broker->jobs, job);
}

static void start(struct broker *broker, struct job *job, struct node *node)
{
    assert(node->ready && !*node->job);
    struct starting *starting = malloc(sizeof *starting);
    if (!starting)
        return;
    job_set_state(job, JOB_RUNNING);
    job->sent = false;
    job->reason[0] = 0;
    notices_release(&job->notices);
    job->generation++;
    job->started = clock_wall_ms();
    snprintf(job->node, sizeof job->node, "%s", node->name);
    node_set_job(broker->registry, node, job->id);
    *starting = (struct starting){ broker, job, job->generation };
    log_info("job %s: on '%s'", job->id, node->name);
    node_events_publish(broker);
    if (store_save_job(broker, job, NULL, NULL, start_committed, starting)) {
        free(starting);
        jobs_put_back(broker->jobs, job);
    }
}

/* An option, else the type, that keeps the job from every node that it may run on; NULL: none does. */
static const char *lacking(const struct registry *registry, const struct job *job)
{
    const char *lacks = job->model_type;
    for (const struct node *node = registry_first(registry); node; node = registry_next(node)) {
        if (*job->requested_node && strcmp(job->requested_node, node->name))
            continue;
        if (!strings_has(&node->types, job->model_type))
            continue;
        lacks = node_lacks_option(node, &job->options);
        if (!lacks)
            return NULL;
    }
    return lacks;
}

/* Why a queued job does not run yet, for people. */
static void explain(const struct broker *broker, struct job *job)
{
    const struct registry *registry = broker->registry;
    const char *node = job->requested_node, *lacks = lacking(registry, job);
    char reason[sizeof job->reason + NAME_SIZE + OPTION_TEXT_SIZE];
    if (*node && !registry_find(registry, node))
        snprintf(reason, sizeof reason, "waits for node '%.64s', which is not there", node);
    else if (!registry_types(registry)->count)
        snprintf(reason, sizeof reason, "waits for a node: none has connected yet");
    else if (lacks)
        snprintf(reason, sizeof reason, "waits for a node that offers '%s'", lacks);
    else if (*node)
        snprintf(reason, sizeof reason, "waits for node '%.64s'", node);
    else
        snprintf(reason, sizeof reason, "waits for a free node");
    if (strncmp(reason, job->reason, sizeof job->reason - 1)) {
        snprintf(job->reason, sizeof job->reason, "%.*s", (int)sizeof job->reason - 1, reason);
        jobs_publish(broker->jobs, job);
    }
}

static void gather(const struct broker *broker, struct candidates *to)
{
    to->job_count = to->node_count = 0;
    for (struct job *job = jobs_first(broker->jobs); job && to->job_count < JOBS_QUEUE_MAX; job = job->next)
        if (job->state == JOB_QUEUED) {
            to->jobs[to->job_count] = job;
            to->queued[to->job_count++].requested_node = *job->requested_node ? job->requested_node : NULL;
        }
    /* What a node runs is known from its NODE INFO on. */
    for (struct node *node = registry_first(broker->registry); node && to->node_count < NODES_MAX;
         node = registry_next(node))
        if (node->ready) {
            to->nodes[to->node_count] = node;
            to->ready[to->node_count++] =
                (struct schedule_node){ node->name, *node->job != 0, node->pending, node->cores };
        }
}

/* False where none can start, or memory lacks. */
static bool start_next(struct broker *broker, struct candidates *candidates)
{
    size_t job, node;
    gather(broker, candidates);
    if (!schedule_training(candidates->queued, candidates->job_count, candidates->ready, candidates->node_count,
                           capable, candidates, &job, &node))
        return false;
    start(broker, candidates->jobs[job], candidates->nodes[node]);
    return candidates->jobs[job]->state == JOB_RUNNING; /* else it would be chosen again at once */
}

void job_start_waiting(struct broker *broker)
{
    struct candidates *candidates = jobs_waiting(broker->jobs) ? malloc(sizeof *candidates) : NULL;
    if (!candidates)
        return;
    while (start_next(broker, candidates))
        continue;
    for (struct job *job = jobs_first(broker->jobs); job; job = job->next)
        if (job->state == JOB_QUEUED)
            explain(broker, job);
    free(candidates);
}
