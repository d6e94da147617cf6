/* From the queue to a node: which job starts where, its commit, SERVER TRAIN. */
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "jobs_inner.h"
#include "link.h"
#include "registry.h"
#include "scheduler.h"
#include "store.h"

#define NODES_MAX 1024

struct candidates {
    struct job *queued[QUEUE_MAX];
    struct node *nodes[NODES_MAX];
};

static bool trains(const struct node *node)
{
    return node_is_legacy(node) || node_offers(node, "train");
}

static bool capable(void *arg, size_t job, size_t node)
{
    const struct candidates *candidates = arg;
    const struct node *candidate = candidates->nodes[node];
    return trains(candidate) && !node_lacks_option(candidate, &candidates->queued[job]->options);
}

void job_put_back(struct jobs *jobs, struct job *job)
{
    if (job->cancelling) {
        job_end(jobs, job, &(struct ending){ .state = JOB_CANCELLED });
        return;
    }
    job_release_node(jobs, job);
    job->state = JOB_QUEUED;
    job->node[0] = job->reason[0] = 0;
    job->started = job->lost_ms = 0;
    job->sent = false;
    store_save_job(jobs->broker, job, NULL, NULL, NULL, NULL);
    job_publish(jobs, job);
}

static int send_train(struct job *job, struct node *node)
{
    struct msg msg;
    msg_init(&msg, MSG_SERVER_TRAIN);
    msg.options = job->options;
    msg.generation = job->generation;
    bool legacy = node_is_legacy(node);
    int failed = msg_set(&msg.model_name, job->model_name) || msg_set(&msg.model_type, job->model_type) ||
                         msg_set(&msg.train_key, job->train_key) || (!legacy && msg_set(&msg.job, job->id)) ||
                         link_send(node->link, &msg, false)
                     ? -1
                     : 0;
    msg_release(&msg);
    return failed;
}

struct starting {
    struct jobs *jobs;
    struct job *job;
    int64_t generation;
};

static void start_committed(void *arg, bool ok)
{
    struct starting *starting = arg;
    struct jobs *jobs = starting->jobs;
    struct job *job = starting->job;
    /* Meanwhile it may have been put back, and even started anew. */
    bool current = job->state == JOB_RUNNING && !job->sent && job->generation == starting->generation;
    free(starting);
    if (!current)
        return;
    struct node *node = registry_find(jobs->broker->registry, job->node);
    bool there = node && !strcmp(node->job, job->id);
    if (!ok || job->cancelling || jobs->stopping || !there || send_train(job, node))
        job_put_back(jobs, job); /* the next tick tries again */
    else {
        job->sent = true;
        job_publish(jobs, job);
    }
}

static void start(struct jobs *jobs, struct job *job, struct node *node)
{
    struct starting *starting = malloc(sizeof *starting);
    if (!starting)
        return;
    job->state = JOB_RUNNING;
    job->sent = false;
    job->reason[0] = 0;
    job->notice[0] = 0;
    job->generation++;
    job->started = clock_wall_ms();
    snprintf(job->node, sizeof job->node, "%s", node->name);
    snprintf(node->job, sizeof node->job, "%s", job->id);
    *starting = (struct starting){ jobs, job, job->generation };
    log_info("job %s: on '%s'", job->id, node->name);
    node_publish(jobs->broker->registry, node, false);
    if (store_save_job(jobs->broker, job, NULL, NULL, start_committed, starting)) {
        free(starting);
        job_put_back(jobs, job);
    }
}

/* An option that keeps the job from every node that it may run on; NULL: none. */
static const char *lacking(const struct jobs *jobs, const struct job *job)
{
    const char *option = NULL;
    for (const struct node *node = registry_first(jobs->broker->registry); node; node = node->next) {
        if (!trains(node) || (*job->requested_node && strcmp(job->requested_node, node->name)))
            continue;
        if (!(option = node_lacks_option(node, &job->options)))
            return NULL;
    }
    return option;
}

/* Why a queued job does not run yet, for people. */
static void explain(struct jobs *jobs, struct job *job)
{
    const char *option = lacking(jobs, job);
    char reason[sizeof job->reason + NAME_SIZE + OPTION_TEXT_SIZE];
    if (option)
        snprintf(reason, sizeof reason, "waits for a node that offers '%s'", option);
    else if (*job->requested_node)
        snprintf(reason, sizeof reason, "waits for node '%.64s'%s", job->requested_node,
                 registry_find(jobs->broker->registry, job->requested_node) ? "" : ", which is not there");
    else
        snprintf(reason, sizeof reason, "waits for a free node");
    if (strncmp(reason, job->reason, sizeof job->reason - 1)) {
        snprintf(job->reason, sizeof job->reason, "%.*s", (int)sizeof job->reason - 1, reason);
        job_publish(jobs, job);
    }
}

void jobs_schedule(struct jobs *jobs)
{
    if (jobs->stopping)
        return;
    struct candidates *candidates = malloc(sizeof *candidates);
    struct schedule_job *queued = calloc(QUEUE_MAX, sizeof *queued);
    struct schedule_node *nodes = calloc(NODES_MAX, sizeof *nodes);
    bool again = candidates && queued && nodes;
    while (again) {
        size_t job_count = 0, node_count = 0, job, node;
        for (struct job *at = jobs->first; at && job_count < QUEUE_MAX; at = at->next)
            if (at->state == JOB_QUEUED) {
                candidates->queued[job_count] = at;
                queued[job_count++].requested_node = *at->requested_node ? at->requested_node : NULL;
            }
        for (struct node *at = registry_first(jobs->broker->registry); at && node_count < NODES_MAX; at = at->next) {
            /* What a node runs is known from its NODE INFO on. */
            if (!at->ready)
                continue;
            candidates->nodes[node_count] = at;
            nodes[node_count++] = (struct schedule_node){ at->name, *at->job != 0, at->pending, at->cores };
        }
        again = schedule_training(queued, job_count, nodes, node_count, capable, candidates, &job, &node);
        if (again)
            start(jobs, candidates->queued[job], candidates->nodes[node]);
        else
            for (size_t i = 0; i < job_count; i++)
                explain(jobs, candidates->queued[i]);
        /* A start that failed for lack of memory would be chosen again at once. */
        again = again && candidates->queued[job]->state == JOB_RUNNING;
    }
    free(candidates);
    free(queued);
    free(nodes);
}
