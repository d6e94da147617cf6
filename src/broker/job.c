/* A training's states, results and JSON. */
#include "job.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "dcls/base/log.h"
#include "dcls/proto/json.h"

const char *const job_state_names[JOB_STATES] = { "queued", "running", "completed", "failed", "cancelled" };

struct job *job_new(void)
{
    struct job *job = calloc(1, sizeof *job);
    if (job && !(job->results = cJSON_CreateArray())) {
        free(job);
        return NULL;
    }
    return job;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    cJSON_Delete(job->results);
    cJSON_Delete(job->data);
    free(job->error);
    notices_release(&job->notices);
    free(job);
}

void job_set_state(struct job *job, enum job_state state)
{
    enum { COMPLETED = 1 << JOB_COMPLETED, ENDED = COMPLETED | 1 << JOB_FAILED | 1 << JOB_CANCELLED };
    static const int follow[JOB_STATES] = {
        [JOB_QUEUED] = 1 << JOB_RUNNING | ENDED,
        [JOB_RUNNING] = 1 << JOB_QUEUED | ENDED,
        [JOB_COMPLETED] = COMPLETED,
        [JOB_FAILED] = 1 << JOB_RUNNING | ENDED,
        [JOB_CANCELLED] = ENDED,
    };
    assert(follow[job->state] & 1 << state);
    log_debug("job %s: %s -> %s", job->id, job_state_names[job->state], job_state_names[state]);
    job->state = state;
}

void job_add_result(struct job *job, const cJSON *result)
{
    int count = cJSON_GetArraySize(job->results);
    double last = json_number(cJSON_GetArrayItem(job->results, count - 1), "epoch", 0);
    double epoch = json_number(result, "epoch", 0);
    cJSON *copy = epoch >= 1 && epoch >= last ? cJSON_Duplicate(result, true) : NULL;
    if (copy && epoch > last)
        cJSON_AddItemToArray(job->results, copy);
    else if (copy)
        cJSON_ReplaceItemInArray(job->results, count - 1, copy);
}

void job_set_results(struct job *job, cJSON *results)
{
    if (!cJSON_IsArray(results)) {
        cJSON_Delete(results);
        return;
    }
    cJSON_Delete(job->results);
    job->results = results;
}

void job_add_notices(struct job *job, const cJSON *lines)
{
    const cJSON *line;
    cJSON_ArrayForEach(line, lines)
    {
        if (cJSON_IsString(line))
            notices_add(&job->notices, "%s", line->valuestring);
    }
}

cJSON *job_notices_json(const struct job *job)
{
    return cJSON_CreateStringArray((const char *const *)job->notices.lines, (int)job->notices.count);
}

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
    if (job->notices.count)
        cJSON_AddItemToObject(object, "notices", job_notices_json(job));
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
