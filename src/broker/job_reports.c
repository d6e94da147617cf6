/* What nodes tell of trainings, and what their silence means. */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "jobs_inner.h"
#include "models.h"
#include "registry.h"
#include "store.h"

#define TICK_MS 1000

/* It is not to be had from its node any more. */
static void give_up(struct jobs *jobs, struct job *job, const char *error)
{
    if (job->cancelling)
        job_end(jobs, job, &(struct ending){ .state = JOB_CANCELLED });
    else
        job_end(jobs, job, &(struct ending){ .state = JOB_FAILED, .error = error });
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct jobs *jobs = arg;
    int64_t now = clock_ms();
    bool waits = false;
    for (struct job *job = jobs->first; job; job = job->next) {
        waits |= job->state == JOB_QUEUED;
        if (job->state == JOB_RUNNING && job->lost_ms && now - job->lost_ms >= JOBS_GRACE_MS) {
            char error[160];
            snprintf(error, sizeof error, "node '%s' was lost", job->node);
            give_up(jobs, job, error);
        }
    }
    /* Whoever was put back, for whatever reason, is tried again without waiting for news. */
    if (waits)
        jobs_schedule(jobs);
}

int jobs_start(struct jobs *jobs, struct err *err)
{
    jobs->tick = event_new(jobs->broker->base, -1, EV_PERSIST, on_tick, jobs);
    if (!jobs->tick || event_add(jobs->tick, &(struct timeval){ TICK_MS / 1000, TICK_MS % 1000 * 1000 }))
        return err_set(err, "no memory for a timer");
    return 0;
}

void jobs_node_gone(struct jobs *jobs, const char *node)
{
    for (struct job *job = jobs->first; job; job = job->next) {
        if (job->state != JOB_RUNNING || strcmp(job->node, node) || job->lost_ms)
            continue;
        if (!job->sent) {
            job_put_back(jobs, job);
            continue;
        }
        job->lost_ms = clock_ms();
        snprintf(job->reason, sizeof job->reason, "node '%.64s' is away", node);
        job_publish(jobs, job);
    }
}

static const cJSON *listed_job(const cJSON *listed, const char *train_key)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, listed)
    {
        const char *key = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "train_key"));
        if (key && !strcmp(key, train_key))
            return entry;
    }
    return NULL;
}

/* The node runs it, whatever was thought meanwhile. */
static void is_running(struct jobs *jobs, struct node *node, struct job *job)
{
    job->lost_ms = 0;
    job->reason[0] = 0;
    snprintf(node->job, sizeof node->job, "%s", job->id);
    if (job->cancelling && !node_is_legacy(node))
        job_send_cancel(node, job);
    job_publish(jobs, job);
}

/* A job that ended here while its node was away still runs there: what was given up goes on, unless its model is
 * trained anew; what was cancelled is stopped. */
static void take_up(struct jobs *jobs, struct node *node, struct job *job)
{
    if (job->state != JOB_FAILED || jobs_train_model(jobs, job->model_name)) {
        job_send_cancel(node, job);
        return;
    }
    log_info("job %s (%s): goes on at '%s'", job->id, job->model_name, node->name);
    job->state = JOB_RUNNING;
    job->ending = false;
    job->ends++; /* the end that may be on its way to the store is none */
    job->sent = true;
    job->ended = 0;
    free(job->error);
    job->error = NULL;
    snprintf(job->node, sizeof job->node, "%s", node->name);
    store_save_job(jobs->broker, job, NULL, NULL, NULL, NULL);
    is_running(jobs, node, job);
}

static void take_up_all(struct jobs *jobs, struct node *node, const cJSON *listed)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, listed)
    {
        const char *key = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "train_key"));
        const char *state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "state"));
        struct job *job = jobs_find_key(jobs, key);
        if (job && job_is_over(job) && state && !strcmp(state, "running"))
            take_up(jobs, node, job);
    }
}

void jobs_node_info(struct jobs *jobs, struct node *node, const cJSON *listed)
{
    for (struct job *job = jobs->first; job; job = job->next) {
        if (job->state != JOB_RUNNING || strcmp(job->node, node->name) || !job->sent)
            continue;
        if (node_is_legacy(node) || listed_job(listed, job->train_key))
            is_running(jobs, node, job);
        else if (job->lost_ms) {
            /* Else the train message may be on its way to a node that has just told of itself. */
            char error[160];
            snprintf(error, sizeof error, "node '%s' no longer has it", job->node);
            give_up(jobs, job, error);
        }
    }
    if (!node_is_legacy(node))
        take_up_all(jobs, node, listed);
    jobs_schedule(jobs);
}

static double epoch_of(const cJSON *result)
{
    const cJSON *epoch = cJSON_GetObjectItemCaseSensitive(result, "epoch");
    return cJSON_IsNumber(epoch) ? epoch->valuedouble : 0;
}

/* Epochs come in order; those that passed while the broker was away come with the report. */
static void add_result(struct job *job, const cJSON *result)
{
    int count = cJSON_GetArraySize(job->results);
    double last = count ? epoch_of(cJSON_GetArrayItem(job->results, count - 1)) : 0;
    cJSON *copy = epoch_of(result) >= 1 && epoch_of(result) >= last ? cJSON_Duplicate(result, true) : NULL;
    if (copy && epoch_of(result) > last)
        cJSON_AddItemToArray(job->results, copy);
    else if (copy)
        cJSON_ReplaceItemInArray(job->results, count - 1, copy);
}

/* The report has every epoch; what was heard meanwhile may lack some. */
static void take_results(struct job *job, const cJSON *report)
{
    const cJSON *results = cJSON_GetObjectItemCaseSensitive(report, "results");
    cJSON *copy = cJSON_IsArray(results) && results->child ? cJSON_Duplicate(results, true) : NULL;
    if (!copy)
        return;
    cJSON_Delete(job->results);
    job->results = copy;
}

void jobs_progress(struct jobs *jobs, struct node *node, struct msg *msg)
{
    struct job *job = jobs_find_key(jobs, msg->train_key);
    if (!job || job->state != JOB_RUNNING || strcmp(job->node, node->name))
        return;
    job->sent = true;
    job->epoch = msg->epoch;
    if (*job->options.resume && msg->epochs > 0)
        job->options.epochs = msg->epochs; /* only its node knew */
    snprintf(job->reason, sizeof job->reason, "%s", msg->message ? msg->message : "");
    if (msg->notice)
        snprintf(job->notice, sizeof job->notice, "%s", msg->notice);
    if (msg->batch >= 0 && msg->batches >= 0) {
        job->batch = msg->batch;
        job->batches = msg->batches;
        job->images_per_second = msg->images_per_second;
        job->loss = msg->loss;
        job->accuracy = msg->accuracy;
    }
    if (msg->result) {
        add_result(job, msg->result);
        /* An epoch is worth a write: a restarted broker shows what was reached. */
        store_save_job(jobs->broker, job, NULL, NULL, NULL, NULL);
    }
    job_publish(jobs, job);
}

/* Of another broker, or of a state that was lost: what the node made is listed all the same, and it need not keep on
 * telling. */
static void unknown_outcome(struct jobs *jobs, const struct node *node, const struct msg *msg)
{
    log_warn("%s: outcome of a training that is not known here: '%s'", node->name, msg->train_key);
    job_acknowledge(jobs, node->name, NULL, msg);
}

void jobs_completed(struct jobs *jobs, struct node *node, struct msg *msg)
{
    struct job *job = jobs_find_key(jobs, msg->train_key);
    const cJSON *info = cJSON_GetArrayItem(msg->model_info, 0);
    if (node_add_model(jobs->broker->registry, node, msg->model_name, info))
        log_error("no memory for a model of '%s'", node->name);
    if (!job) {
        models_seen(jobs->broker->models, msg->model_info);
        unknown_outcome(jobs, node, msg);
        return;
    }
    if (job->state == JOB_COMPLETED && job->committed) {
        job_acknowledge(jobs, node->name, job, NULL);
        return;
    }
    const char *log = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(msg->data, "output_contents"));
    take_results(job, msg->report);
    char *report = msg->report ? cJSON_PrintUnformatted(msg->report) : NULL;
    snprintf(job->node, sizeof job->node, "%s", node->name);
    cJSON_Delete(job->data);
    job->data = msg->data;
    msg->data = NULL;
    job->epoch = job->options.epochs;
    /* In this order: the model's row is written before the job that made it counts as done. */
    models_completed(jobs->broker->models, msg->model_name,
                     cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(info, "sha256")), info, job->id,
                     clock_wall_ms());
    job_end(jobs, job, &(struct ending){ .state = JOB_COMPLETED, .report = report, .log = log, .acknowledge = true });
    free(report);
}

void jobs_failed(struct jobs *jobs, struct node *node, const struct msg *msg)
{
    struct job *job = jobs_find_key(jobs, msg->train_key);
    if (!job) {
        unknown_outcome(jobs, node, msg);
        return;
    }
    if (job->state == JOB_COMPLETED || (job_is_over(job) && job->committed)) {
        if (job->committed)
            job_acknowledge(jobs, node->name, job, NULL);
        return;
    }
    bool cancelled = msg->cancelled == 1;
    snprintf(job->node, sizeof job->node, "%s", node->name);
    job_end(jobs, job,
            &(struct ending){ .state = cancelled ? JOB_CANCELLED : JOB_FAILED,
                              .error = cancelled ? NULL : msg->message,
                              .acknowledge = true });
}
