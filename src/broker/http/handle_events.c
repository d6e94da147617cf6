/* GET /events and GET /jobs/ID/events. */
#include <stdlib.h>

#include "handlers.h"
#include "src/broker/broker.h"
#include "src/broker/jobs.h"
#include "src/broker/models.h"
#include "src/broker/node_load.h"
#include "src/broker/registry.h"
#include "sse.h"

#define TYPE "text/event-stream"
#define ENDED_MAX 100 /* of ended trainings in a snapshot: GET /jobs has the others */

/* Those that are not over and the newest that are, oldest first. */
static void fill_jobs(const struct jobs *jobs, struct snapshot *snapshot)
{
    size_t first = jobs_places(jobs), ended = 0;
    while (first > 0 && ended < ENDED_MAX) {
        const struct job *job = jobs_in_place(jobs, --first);
        ended += job && job_is_over(job);
    }
    for (const struct job *job = jobs_first_live(jobs); job; job = job_next_live(job)) {
        if (job->committed && jobs_place_from(jobs, strtoll(job->id, NULL, 10)) >= first)
            break;
        if (job->committed)
            snapshot_add(snapshot, "job", job_json(job));
    }
    for (size_t place = first; place < jobs_places(jobs); place++) {
        const struct job *job = jobs_in_place(jobs, place);
        if (job)
            snapshot_add(snapshot, "job", job_json(job));
    }
}

static void fill_all(struct exchange *exchange, struct snapshot *snapshot)
{
    const struct broker *broker = exchange->broker;
    for (struct node *node = registry_first(broker->registry); node; node = registry_next(node))
        snapshot_add(snapshot, "node", node_json(node));
    if (registry_count(broker->registry) > 0)
        snapshot_add(snapshot, "load", node_loads_json(broker->registry, 0));
    cJSON *models = models_json(broker->models), *list = cJSON_GetObjectItemCaseSensitive(models, "models"), *model;
    snapshot->ok = snapshot->ok && models;
    while ((model = cJSON_DetachItemFromArray(list, 0)))
        snapshot_add(snapshot, "model", model);
    cJSON_Delete(models);
    fill_jobs(broker->jobs, snapshot);
}

static void fill_job(struct exchange *exchange, struct snapshot *snapshot)
{
    const struct job *job = jobs_find(exchange->broker->jobs, exchange->args[0]);
    snapshot_add(snapshot, "job", job ? job_json(job) : NULL);
}

static bool answered_head(struct exchange *exchange)
{
    if (exchange->head)
        exchange_text(exchange, 200, TYPE, NULL, 0);
    return exchange->head;
}

void handle_events(struct exchange *exchange)
{
    if (!answered_head(exchange))
        sse_add(exchange->http->sse, exchange, NULL, false, fill_all);
}

void handle_job_events(struct exchange *exchange)
{
    const struct job *job = jobs_find(exchange->broker->jobs, exchange->args[0]);
    if (!job)
        exchange_error(exchange, 404, "there is no job '%.80s'", exchange->args[0]);
    else if (!answered_head(exchange))
        sse_add(exchange->http->sse, exchange, job->id, job_shown(job) > JOB_ENDING, fill_job);
}
