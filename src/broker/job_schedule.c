/* The choice among nodes, and the reasons to wait. */
#include "job_schedule.h"

#include <stdio.h>
#include <string.h>

#include "job_table.h"
#include "job_transitions.h"
#include "jobs_state.h"
#include "registry.h"

static bool is_idle(const struct node *node)
{
    return node->ready && !*node->job; /* what it runs is known from its NODE INFO on */
}

static bool is_capable(const struct node *node, const struct job *job)
{
    return strings_has(&node->types, job->model_type) && !node_lacks_option(node, &job->live->options);
}

static bool is_better(const struct node *a, const struct node *b)
{
    if (a->pending != b->pending)
        return a->pending < b->pending;
    return a->cores > b->cores;
}

/* NULL: none can take it now. */
static struct node *choose(const struct registry *registry, const struct job *job)
{
    struct node *best = NULL;
    if (*job->requested_node) {
        best = registry_find(registry, job->requested_node);
        return best && is_idle(best) && is_capable(best, job) ? best : NULL;
    }
    for (struct node *node = registry_first(registry); node; node = registry_next(node))
        if (is_idle(node) && is_capable(node, job) && (!best || is_better(node, best)))
            best = node;
    return best;
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
        lacks = node_lacks_option(node, &job->live->options);
        if (!lacks)
            return NULL;
    }
    return lacks;
}

/* For people. */
static void explain(struct jobs *jobs, struct job *job)
{
    const struct registry *registry = jobs->registry;
    const char *node = job->requested_node, *lacks = lacking(registry, job);
    if (*node && !registry_find(registry, node))
        job_set_reason(jobs, job, "waits for node '%s', which is not there", node);
    else if (!registry_types(registry)->count)
        job_set_reason(jobs, job, "waits for a node: none has connected yet");
    else if (lacks)
        job_set_reason(jobs, job, "waits for a node that offers '%s'", lacks);
    else if (*node)
        job_set_reason(jobs, job, "waits for node '%s'", node);
    else
        job_set_reason(jobs, job, "waits for a free node");
    job->live->explained = jobs->nodes_version;
}

static bool any_idle(const struct registry *registry)
{
    const struct node *node = registry_first(registry);
    while (node && !is_idle(node))
        node = registry_next(node);
    return node;
}

static void start_or_explain(struct jobs *jobs, struct job *job, struct moment now)
{
    struct node *node = job->live->tried != jobs->idle_version ? choose(jobs->registry, job) : NULL;
    job->live->tried = jobs->idle_version;
    if (node)
        job_start(jobs, job, node, now);
    else if (job->live->explained != jobs->nodes_version)
        explain(jobs, job);
}

void job_schedule(struct jobs *jobs, struct moment now)
{
    if (!jobs->schedule || jobs->stopping)
        return;
    jobs->schedule = false;
    bool idle = any_idle(jobs->registry);
    for (struct job *job = jobs_first_live(jobs), *next; job; job = next) {
        next = job_next_live(job);
        /* What is being stored can neither start nor be told. */
        if (job->state != JOB_QUEUED || job->committed != job->version)
            continue;
        if (idle)
            start_or_explain(jobs, job, now);
        else if (job->live->explained != jobs->nodes_version)
            explain(jobs, job);
    }
}
