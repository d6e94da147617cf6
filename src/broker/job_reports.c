/* What nodes tell of trainings. */
#include "job_reports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/log.h"
#include "dcls/proto/json.h"
#include "job_table.h"
#include "job_transitions.h"
#include "jobs_state.h"
#include "registry.h"

#define GENERATION_MAX 9007199254740992.0 /* the last whole number up to which a double holds all */

/* What counts */

/* `instance`: as told; NULL: it was not. */
static bool is_assigned(const struct job *job, const struct node *node, const char *instance, int64_t generation)
{
    const struct job_live *live = job->live;
    if (!live || !live->ranks || !live->sent || strcmp(live->assignments[0].node, node->name))
        return false;
    if (generation >= 0 && generation != job->generation)
        return false;
    const char *assigned = live->assignments[0].instance;
    return !*assigned || !instance || !strcmp(assigned, instance);
}

/* Of the process that is connected. A node that has none cannot be one that had. */
static const char *own_instance(const struct node *node)
{
    return node->instance ? node->instance : "";
}

/* Of an outcome, which may have been kept since an earlier process. */
static const char *outcome_instance(const struct node *node, const char *told)
{
    if (told || !node_offers(node, "generations"))
        return told;
    return own_instance(node);
}

static bool is_running(const cJSON *entry)
{
    const char *state = json_text(entry, "state");
    return state && !strcmp(state, "running");
}

bool job_reports_generation(const cJSON *entry, int64_t *generation)
{
    double told = json_number(entry, "generation", -1);
    *generation = told >= 0 && told <= GENERATION_MAX ? (int64_t)told : -1;
    return !(told > GENERATION_MAX);
}

static bool entry_is_assigned(const struct job *job, const struct node *node, const cJSON *entry)
{
    const char *told = json_text(entry, "instance");
    int64_t generation;
    if (!job_reports_generation(entry, &generation))
        return false;
    if (is_running(entry))
        told = told ? told : own_instance(node);
    else
        told = outcome_instance(node, told);
    return is_assigned(job, node, told, generation);
}

/* Coming and going */

void job_reports_node_came(struct jobs *jobs, const struct node *node)
{
    jobs_set_busy(jobs, node->name);
    jobs_reschedule(jobs, true);
}

static void is_away(struct jobs *jobs, struct job *job, const struct node *node, struct moment now)
{
    if (job->state == JOB_STARTING) {
        bool left = job->live->sent && !node_is_legacy(node); /* else it would run */
        job_put_back(jobs, job, left, now);
    } else if (job->live->cancelling) {
        job_cancel(jobs, job, NULL, now);
    } else {
        job->live->lost_ms = now.ms;
        job->live->silent = false;
        job_set_reason(jobs, job, "node '%s' is away", job->node);
        jobs_due_at(jobs, now.ms + JOBS_GRACE_MS);
    }
}

void job_reports_node_gone(struct jobs *jobs, const struct node *node, struct moment now)
{
    for (struct job *job = TAILQ_FIRST(&jobs->active), *next; job; job = next) {
        next = TAILQ_NEXT(job, active_link);
        if (!strcmp(job->node, node->name) && !job->live->lost_ms)
            is_away(jobs, job, node, now);
    }
    jobs_reschedule(jobs, true);
}

void job_reports_train_left(struct jobs *jobs, const struct node *node, const char *train_key)
{
    struct job *job = jobs_find_key(jobs, train_key);
    if (job && job->state == JOB_STARTING && is_assigned(job, node, NULL, -1))
        job_run(jobs, job);
}

/* A word of its node about it. */
static void is_heard(struct jobs *jobs, struct job *job, const struct node *node, struct moment now)
{
    struct job_live *live = job->live;
    bool was_away = live->lost_ms;
    live->heard_ms = now.ms;
    live->session = node->session;
    live->lost_ms = 0;
    if (job->state == JOB_STARTING)
        job_run(jobs, job);
    if (was_away || live->silent)
        job_set_reason(jobs, job, NULL);
    live->silent = false;
    jobs_due_at(jobs, now.ms + JOBS_SILENT_MS);
}

static const cJSON *find_entry(const struct job *job, const struct node *node, const cJSON *listed)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, listed)
    {
        const char *key = json_text(entry, "train_key");
        if (key && !strcmp(key, job->train_key) && entry_is_assigned(job, node, entry))
            return entry;
    }
    return NULL;
}

/* Of a legacy node, which tells of no training; it may have lost this one. */
static void may_be_lost(struct jobs *jobs, struct job *job, const struct node *node, struct moment now)
{
    struct job_live *live = job->live;
    live->session = node->session;
    live->lost_ms = 0;
    live->untold_ms = live->untold_ms ? live->untold_ms : now.ms;
    job_set_reason(jobs, job, "node '%s' was away, and does not tell whether it trains on", job->node);
    jobs_due_at(jobs, live->untold_ms + JOBS_UNTOLD_MS);
}

/* What it was given before; a SERVER TRAIN may be on its way to a node that has just told of itself. */
static void look_for(struct jobs *jobs, struct job *job, const struct node *node, const cJSON *listed,
                     struct moment now)
{
    struct job_live *live = job->live;
    bool is_later = node->session > live->session;
    if (find_entry(job, node, listed))
        is_heard(jobs, job, node, now);
    else if (node_is_legacy(node) && !*live->assignments[0].instance && !live->lost_ms)
        return; /* it was not away */
    else if (node_is_legacy(node) && !*live->assignments[0].instance && job->state == JOB_RUNNING)
        may_be_lost(jobs, job, node, now);
    else if (is_later && job->state == JOB_STARTING)
        job_put_back(jobs, job, true, now);
    else if (is_later)
        job_give_up(jobs, job, true, now, "no longer has it");
}

/* A job that failed by our own judgement runs on there: it goes on, unless its model is trained anew. */
static void take_up(struct jobs *jobs, struct job *job, const struct node *node, const cJSON *entry, struct moment now)
{
    bool is_ours = job->given_up && is_running(entry) && entry_is_assigned(job, node, entry);
    if (!is_ours || jobs_at(jobs, node->name) || (job_is_over(job) && jobs_train_model(jobs, job->model_name)))
        return;
    job_run(jobs, job);
    is_heard(jobs, job, node, now);
}

void job_reports_node_info(struct jobs *jobs, const struct node *node, const cJSON *listed, struct moment now)
{
    for (struct job *job = TAILQ_FIRST(&jobs->active), *next; job; job = next) {
        next = TAILQ_NEXT(job, active_link);
        if (!strcmp(job->node, node->name) && job->live->sent)
            look_for(jobs, job, node, listed, now);
    }
    const cJSON *entry;
    cJSON_ArrayForEach(entry, listed)
    {
        struct job *job = jobs_find_key(jobs, json_text(entry, "train_key"));
        if (job)
            take_up(jobs, job, node, entry, now);
    }
    jobs_set_busy(jobs, node->name);
    jobs->idle_version++;
    jobs_reschedule(jobs, false);
}

bool job_reports_is_stale(const struct jobs *jobs, const struct node *node, const cJSON *entry)
{
    const struct job *job = jobs_find_key(jobs, json_text(entry, "train_key"));
    int64_t generation;
    if (!job || !is_running(entry) || !job_reports_generation(entry, &generation))
        return false;
    if (!entry_is_assigned(job, node, entry))
        return true;
    /* Of one that is ending its node is told when that is committed. */
    return job_is_over(job);
}

/* Progress */

static void take_batch(struct job_live *live, const struct msg *msg, bool same_epoch)
{
    if (!same_epoch)
        live->batch = 0; /* unless it is told below */
    if (msg->batch < 0 || msg->batches < 0)
        return;
    live->batch = msg->batch;
    live->batches = msg->batches;
    live->images_per_second = msg->images_per_second;
    live->loss = msg->loss;
    live->accuracy = msg->accuracy;
}

bool job_reports_progress(struct jobs *jobs, const struct node *node, const struct msg *msg, struct moment now)
{
    struct job *job = jobs_find_key(jobs, msg->train_key);
    const char *instance = msg->instance ? msg->instance : own_instance(node);
    if (!job || (job->state != JOB_STARTING && job->state != JOB_RUNNING) ||
        !is_assigned(job, node, instance, msg->generation))
        return false;
    is_heard(jobs, job, node, now);
    bool same_epoch = job->epoch == msg->epoch;
    job->epoch = msg->epoch;
    if (*job->live->options.resume && msg->epochs > 0)
        job->epochs = msg->epochs; /* only its node knew */
    job_set_reason(jobs, job, msg->message ? "%s" : NULL, msg->message);
    take_batch(job->live, msg, same_epoch);
    bool is_news = msg->notice && job_add_notice(job, msg->notice);
    if (msg->result)
        is_news |= job_add_result(job, msg->result);
    /* An epoch is worth a write: a restarted broker shows what was reached. */
    if (is_news)
        job_change(jobs, job);
    job_mark(jobs, job, JOB_PUBLISH);
    return true;
}

/* Outcomes */

/* -1 where memory lacks. */
static int copy_text(char **copy, const char *text)
{
    *copy = text ? strdup(text) : NULL;
    if (text && !*copy)
        return -1;
    return 0;
}

/* The report has every epoch and notice; what was heard meanwhile may lack some. -1 where memory lacks: the job is as
 * it was. */
static int take_report(struct job *job, struct msg *msg, struct job_end *end)
{
    const cJSON *results = cJSON_GetObjectItemCaseSensitive(msg->report, "results");
    end->report = msg->report ? cJSON_PrintUnformatted(msg->report) : NULL;
    if ((msg->report && !end->report) || copy_text(&end->log, json_text(msg->data, "output_contents")))
        return -1;
    bool tells_results = cJSON_GetArraySize(results);
    if (tells_results && !job_set_results(job, results))
        return -1;
    if (!tells_results && !job->epochs_done)
        job->epochs_done = job->epochs; /* a legacy node may tell none */
    job_add_notices(job, cJSON_GetObjectItemCaseSensitive(msg->report, "notices"));
    end->data = msg->data;
    msg->data = NULL;
    job->epoch = job->epochs;
    return 0;
}

/* Of a node that does not keep it, even what is not whole counts. -1 where memory lacks for one that tells it again. */
static int take(struct jobs *jobs, struct job *job, const struct node *node, struct msg *msg, struct moment now)
{
    struct job_end end = { .state = JOB_COMPLETED, .by_node = true };
    int failed;
    if (msg->type == MSG_TRAINING_COMPLETED) {
        failed = take_report(job, msg, &end);
    } else {
        end.state = msg->cancelled == 1 ? JOB_CANCELLED : JOB_FAILED;
        failed = copy_text(&end.error, end.state == JOB_FAILED ? msg->message : NULL);
    }
    if (failed && !node_is_legacy(node)) {
        log_warn("job %s (%s): no memory for its outcome: its node tells it again", job->id, job->model_name);
        job_release_end(&end);
        return -1;
    }
    job->live->acknowledge = true;
    job_end(jobs, job, &end, NULL, now);
    return 0;
}

enum job_outcome job_reports_outcome(struct jobs *jobs, const struct node *node, struct msg *msg, struct moment now)
{
    struct job *job = jobs_find_key(jobs, msg->train_key);
    if (!job)
        return JOB_OUTCOME_UNKNOWN;
    if (!is_assigned(job, node, outcome_instance(node, msg->instance), msg->generation))
        return JOB_OUTCOME_DROP;
    if (!job->given_up && job_is_over(job))
        return JOB_OUTCOME_DROP;
    if (!job->given_up && job->state == JOB_ENDING) {
        job->live->acknowledge = true;
        return JOB_OUTCOME_WAITS;
    }
    return take(jobs, job, node, msg, now) ? JOB_OUTCOME_WAITS : JOB_OUTCOME_TAKEN;
}

bool job_reports_error(struct jobs *jobs, const struct node *node, const struct msg *msg, struct moment now)
{
    struct job *job = node_is_legacy(node) ? jobs_at(jobs, node->name) : NULL;
    struct job_end end = { .state = JOB_FAILED, .by_node = true };
    if (!job || job->state != JOB_RUNNING || msg->inference_key || msg->json_name)
        return false;
    copy_text(&end.error, msg->message ? msg->message : "its node did not say why");
    job_end(jobs, job, &end, NULL, now);
    return true;
}

void job_reports_node_forgotten(struct jobs *jobs, const char *node, struct moment now)
{
    for (struct job *job = TAILQ_FIRST(&jobs->active), *next; job; job = next) {
        next = TAILQ_NEXT(job, active_link);
        if (!strcmp(job->node, node))
            job_give_up(jobs, job, false, now, "was forgotten");
    }
}
