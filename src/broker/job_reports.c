/* What nodes tell of trainings, and what their silence means. */
#include "job_reports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/proto/json.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "job_send.h"
#include "jobs.h"
#include "models.h"
#include "registry.h"
#include "removals.h"

void job_reports_node_gone(struct broker *broker, const char *node)
{
    for (struct job *job = jobs_first(broker->jobs); job; job = job->next) {
        if (job->state != JOB_RUNNING || strcmp(job->node, node) || job->lost_ms)
            continue;
        if (!job->sent) {
            jobs_put_back(broker->jobs, job);
            continue;
        }
        job->lost_ms = clock_ms();
        snprintf(job->reason, sizeof job->reason, "node '%.64s' is away", node);
        jobs_publish(broker->jobs, job);
    }
}

/* The node runs it, whatever was thought meanwhile. */
static void is_running(struct broker *broker, struct node *node, struct job *job)
{
    job->lost_ms = 0;
    job->reason[0] = 0;
    node_set_job(broker->registry, node, job->id);
    if (job->cancelling && !node_is_legacy(node))
        job_send_cancel(job, node);
    jobs_publish(broker->jobs, job);
}

/* A job that ended here while its node was away still runs there: what was given up goes on, unless its model is
 * trained anew; what was cancelled is stopped. */
static void take_up(struct broker *broker, struct node *node, struct job *job)
{
    if (job->state != JOB_FAILED || jobs_train_model(broker->jobs, job->model_name)) {
        job_send_cancel(job, node);
        return;
    }
    log_info("job %s (%s): goes on at '%s'", job->id, job->model_name, node->name);
    job_set_state(job, JOB_RUNNING);
    job->ending = false;
    job->ends++; /* the end that may be on its way to the store is none */
    job->sent = true;
    job->ended = 0;
    free(job->error);
    job->error = NULL;
    snprintf(job->node, sizeof job->node, "%s", node->name);
    jobs_save(broker->jobs, job);
    is_running(broker, node, job);
}

static void take_up_all(struct broker *broker, struct node *node, const cJSON *listed)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, listed)
    {
        const char *key = json_text(entry, "train_key");
        const char *state = json_text(entry, "state");
        struct job *job = jobs_find_key(broker->jobs, key);
        if (job && job_is_over(job) && state && !strcmp(state, "running"))
            take_up(broker, node, job);
    }
}

void job_reports_node_info(struct broker *broker, struct node *node, const cJSON *listed)
{
    for (struct job *job = jobs_first(broker->jobs); job; job = job->next) {
        if (job->state != JOB_RUNNING || strcmp(job->node, node->name) || !job->sent)
            continue;
        if (node_is_legacy(node) || json_find(listed, "train_key", job->train_key))
            is_running(broker, node, job);
        else if (job->lost_ms) /* else SERVER TRAIN may be on its way to a node that has just told of itself */
            jobs_give_up(broker->jobs, job, "no longer has it");
    }
    if (!node_is_legacy(node))
        take_up_all(broker, node, listed);
    jobs_schedule(broker->jobs);
}

/* The report has every epoch and notice; what was heard meanwhile may lack some. */
static void take_report(struct job *job, const cJSON *report)
{
    const cJSON *results = cJSON_GetObjectItemCaseSensitive(report, "results");
    if (cJSON_GetArraySize(results))
        job_set_results(job, cJSON_Duplicate(results, true));
    job_add_notices(job, cJSON_GetObjectItemCaseSensitive(report, "notices"));
}

void job_reports_progress(struct broker *broker, struct node *node, struct msg *msg)
{
    struct job *job = jobs_find_key(broker->jobs, msg->train_key);
    if (!job || job->state != JOB_RUNNING || strcmp(job->node, node->name))
        return;
    job->sent = true;
    job->epoch = msg->epoch;
    if (*job->options.resume && msg->epochs > 0)
        job->options.epochs = msg->epochs; /* only its node knew */
    snprintf(job->reason, sizeof job->reason, "%s", msg->message ? msg->message : "");
    bool is_news = msg->notice && notices_add(&job->notices, "%s", msg->notice);
    if (msg->batch >= 0 && msg->batches >= 0) {
        job->batch = msg->batch;
        job->batches = msg->batches;
        job->images_per_second = msg->images_per_second;
        job->loss = msg->loss;
        job->accuracy = msg->accuracy;
    }
    if (msg->result)
        job_add_result(job, msg->result);
    /* An epoch is worth a write: a restarted broker shows what was reached. */
    if (msg->result || is_news)
        jobs_save(broker->jobs, job);
    jobs_publish(broker->jobs, job);
}

/* Of another broker, or of a state that was lost: what the node made is listed all the same, and it need not keep on
 * telling. */
static void unknown_outcome(const struct node *node, const struct msg *msg)
{
    log_warn("%s: outcome of a training that is not known here: '%s'", node->name, msg->train_key);
    job_send_ack_unknown(msg, node);
}

void job_reports_completed(struct broker *broker, struct node *node, struct msg *msg)
{
    struct job *job = jobs_find_key(broker->jobs, msg->train_key);
    const cJSON *info = cJSON_GetArrayItem(msg->model_info, 0);
    bool removed = removals_cover(broker->removals, node->name, msg->model_name, json_text(info, "sha256"), job);
    if (!removed && node_add_model(broker->registry, node, msg->model_name, info))
        log_error("no memory for a model of '%s'", node->name);
    if (!job) {
        if (!removed)
            models_seen(broker->models, node->name, msg->model_info);
        unknown_outcome(node, msg);
        return;
    }
    if (job->state == JOB_COMPLETED && job->committed) {
        job_send_ack(job, node);
        return;
    }
    const char *log = json_text(msg->data, "output_contents");
    take_report(job, msg->report);
    char *report = msg->report ? cJSON_PrintUnformatted(msg->report) : NULL;
    snprintf(job->node, sizeof job->node, "%s", node->name);
    cJSON_Delete(job->data);
    job->data = msg->data;
    msg->data = NULL;
    job->epoch = job->options.epochs;
    /* In this order: the model's row is written before the job that made it counts as done. */
    if (!removed)
        models_completed(broker->models, msg->model_name, json_text(info, "sha256"), info, job->id, node->name,
                         clock_wall_ms());
    jobs_end(broker->jobs, job,
             &(struct job_end){ .state = JOB_COMPLETED, .report = report, .log = log, .acknowledge = true });
    free(report);
}

void job_reports_failed(struct broker *broker, struct node *node, const struct msg *msg)
{
    struct job *job = jobs_find_key(broker->jobs, msg->train_key);
    if (!job) {
        unknown_outcome(node, msg);
        return;
    }
    if (job->state == JOB_COMPLETED || (job_is_over(job) && job->committed)) {
        if (job->committed)
            job_send_ack(job, node);
        return;
    }
    bool cancelled = msg->cancelled == 1;
    snprintf(job->node, sizeof job->node, "%s", node->name);
    jobs_end(broker->jobs, job,
             &(struct job_end){ .state = cancelled ? JOB_CANCELLED : JOB_FAILED,
                                .error = cancelled ? NULL : msg->message,
                                .acknowledge = true });
}
