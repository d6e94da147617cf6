/* A job as clients see it. */
#include "jobs.h"

#include <math.h>

static void add_time(cJSON *object, const char *name, int64_t ms)
{
    if (ms)
        cJSON_AddNumberToObject(object, name, (double)ms);
    else
        cJSON_AddNullToObject(object, name);
}

static void add_number(cJSON *object, const char *name, double value)
{
    if (isfinite(value))
        cJSON_AddNumberToObject(object, name, value);
}

cJSON *job_json(const struct job *job)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "id", job->id);
    cJSON_AddStringToObject(object, "state", job_state_names[job_shown(job)]);
    if (*job->reason)
        cJSON_AddStringToObject(object, "reason", job->reason);
    if (*job->notice)
        cJSON_AddStringToObject(object, "notice", job->notice);
    cJSON_AddStringToObject(object, "modelName", job->model_name);
    cJSON_AddStringToObject(object, "modelType", job->model_type);
    cJSON *nodes = cJSON_AddArrayToObject(object, "nodes");
    const char *node = *job->node ? job->node : job->requested_node;
    if (*node && nodes)
        cJSON_AddItemToArray(nodes, cJSON_CreateString(node));
    cJSON_AddNumberToObject(object, "generation", (double)job->generation);
    cJSON_AddNumberToObject(object, "epoch", (double)job->epoch);
    cJSON_AddNumberToObject(object, "epochs", (double)job->options.epochs);
    cJSON_AddNumberToObject(object, "batch", (double)job->batch);
    cJSON_AddNumberToObject(object, "batches", (double)job->batches);
    add_number(object, "imagesPerSecond", job->images_per_second);
    if (job->batches) {
        add_number(object, "loss", job->loss);
        add_number(object, "accuracy", job->accuracy);
    }
    cJSON_AddItemToObject(object, "results", cJSON_Duplicate(job->results, true));
    bool hides = job->ending && job->before <= JOB_RUNNING;
    if (job->error && !hides)
        cJSON_AddStringToObject(object, "error", job->error);
    add_time(object, "created", job->created);
    add_time(object, "started", job->started);
    add_time(object, "ended", hides ? 0 : job->ended);
    return object;
}

cJSON *jobs_json(const struct jobs *jobs)
{
    cJSON *object = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(object, "jobs");
    for (const struct job *job = jobs_first(jobs); job && list; job = job->next)
        cJSON_AddItemToArray(list, job_json(job));
    return object;
}
