/* The life of trainings. Whatever changes a job's state goes through set_state, which stores and tells of it. */
#include "jobs.h"

#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/base/err.h"
#include "dcls/base/log.h"
#include "events.h"
#include "link.h"
#include "models.h"
#include "registry.h"
#include "scheduler.h"
#include "store.h"

#define TICK_MS 1000
#define NODES_MAX 1024
#define QUEUE_MAX 10000 /* jobs that wait */

const char *const job_state_names[] = { "queued", "running", "completed", "failed", "cancelled" };

struct waiter {
    struct waiter *next;
    const struct job *job;
    job_ended *ended;
    void *arg;
};

struct jobs {
    struct broker *broker;
    struct job *first, **end;
    struct waiter *waiters;
    struct event *tick;
    int64_t last_id, last_key_ms;
};

static bool ended(const struct job *job)
{
    return job->state != JOB_QUEUED && job->state != JOB_RUNNING;
}

struct jobs *jobs_new(struct broker *broker)
{
    struct jobs *jobs = calloc(1, sizeof *jobs);
    if (!jobs)
        return NULL;
    jobs->broker = broker;
    jobs->end = &jobs->first;
    return jobs;
}

static void job_free(struct job *job)
{
    cJSON_Delete(job->results);
    cJSON_Delete(job->data);
    free(job->error);
    free(job);
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    if (jobs->tick)
        event_free(jobs->tick);
    while (jobs->first) {
        struct job *job = jobs->first;
        jobs->first = job->next;
        job_free(job);
    }
    while (jobs->waiters) {
        struct waiter *waiter = jobs->waiters;
        jobs->waiters = waiter->next;
        free(waiter);
    }
    free(jobs);
}

static void append(struct jobs *jobs, struct job *job)
{
    *jobs->end = job;
    jobs->end = &job->next;
}

void jobs_restore(struct jobs *jobs, struct job *job)
{
    int64_t id = strtoll(job->id, NULL, 10);
    long long key_ms = 0;
    jobs->last_id = id > jobs->last_id ? id : jobs->last_id;
    if (sscanf(job->train_key, "train:%lld", &key_ms) == 1 && key_ms > jobs->last_key_ms)
        jobs->last_key_ms = key_ms;
    if (job->state == JOB_RUNNING) {
        job->sent = true;
        job->lost_ms = clock_ms(); /* until its node says otherwise */
    }
    append(jobs, job);
}

static struct job *find(const struct jobs *jobs, const char *id)
{
    for (struct job *job = jobs->first; job; job = job->next)
        if (!strcmp(job->id, id))
            return job;
    return NULL;
}

static struct job *find_key(const struct jobs *jobs, const char *key)
{
    for (struct job *job = jobs->first; job && key; job = job->next)
        if (!strcmp(job->train_key, key))
            return job;
    return NULL;
}

const struct job *jobs_find(const struct jobs *jobs, const char *id)
{
    return find(jobs, id);
}

const struct job *jobs_first(const struct jobs *jobs)
{
    return jobs->first;
}

bool jobs_train_model(const struct jobs *jobs, const char *model)
{
    for (const struct job *job = jobs->first; job; job = job->next)
        if (!ended(job) && !strcmp(job->model_name, model))
            return true;
    return false;
}

static void publish(struct jobs *jobs, const struct job *job)
{
    cJSON *object = job_json(job);
    if (object)
        events_publish(jobs->broker->events, "job", object);
    cJSON_Delete(object);
}

static void tell_waiters(struct jobs *jobs, const struct job *job)
{
    for (struct waiter **at = &jobs->waiters; *at;) {
        struct waiter *waiter = *at;
        if (waiter->job != job) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        waiter->ended(waiter->arg, job);
        free(waiter);
        at = &jobs->waiters; /* the callback may have changed the list */
    }
}

int jobs_wait(struct jobs *jobs, const struct job *job, job_ended *callback, void *arg)
{
    if (ended(job)) {
        callback(arg, job);
        return 0;
    }
    struct waiter *waiter = malloc(sizeof *waiter);
    if (!waiter)
        return -1;
    *waiter = (struct waiter){ .next = jobs->waiters, .job = job, .ended = callback, .arg = arg };
    jobs->waiters = waiter;
    return 0;
}

void jobs_stop_waiting(struct jobs *jobs, void *arg)
{
    for (struct waiter **at = &jobs->waiters; *at;) {
        struct waiter *waiter = *at;
        if (waiter->arg != arg) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        free(waiter);
    }
}

/* The node is free again, as far as this job goes. */
static void release_node(struct jobs *jobs, const struct job *job)
{
    struct node *node = registry_find(jobs->broker->registry, job->node);
    if (!node || strcmp(node->job, job->id))
        return;
    node->job[0] = 0;
    node_publish(jobs->broker->registry, node, false);
}

struct outcome {
    struct jobs *jobs;
    struct job *job;
    bool acknowledge;
};

static void send_ack(struct jobs *jobs, const char *node_name, const struct job *job, const struct msg *unknown)
{
    struct node *node = registry_find(jobs->broker->registry, node_name);
    struct msg ack;
    if (!node || node_is_legacy(node))
        return;
    msg_init(&ack, MSG_SERVER_JOB_ACK);
    ack.generation = job ? job->generation : unknown->generation;
    if (!msg_set(&ack.train_key, job ? job->train_key : unknown->train_key) &&
        !msg_set(&ack.job, job ? job->id : unknown->job))
        link_send(node->link, &ack, false);
    msg_release(&ack);
}

static void outcome_committed(void *arg, bool ok)
{
    struct outcome *outcome = arg;
    struct jobs *jobs = outcome->jobs;
    struct job *job = outcome->job;
    if (ok && outcome->acknowledge)
        send_ack(jobs, job->node, job, NULL);
    publish(jobs, job);
    tell_waiters(jobs, job);
    free(outcome);
}

/* Ends a job: stores it, and after the commit tells its node (where it waits for that), clients and streams. */
static void end(struct jobs *jobs, struct job *job, enum job_state state, const char *error, const char *report,
                const char *log, bool acknowledge)
{
    release_node(jobs, job);
    job->state = state;
    job->ended = clock_wall_ms();
    job->lost_ms = 0;
    job->reason[0] = 0;
    free(job->error);
    job->error = error ? strdup(error) : NULL;
    log_info("job %s (%s): %s%s%s", job->id, job->model_name, job_state_names[state], error ? ": " : "",
             error ? error : "");
    struct outcome *outcome = malloc(sizeof *outcome);
    if (outcome) {
        *outcome = (struct outcome){ jobs, job, acknowledge };
        if (!store_save_job(jobs->broker, job, report, log, outcome_committed, outcome)) {
            jobs_schedule(jobs);
            return;
        }
    }
    free(outcome);
    publish(jobs, job);
    tell_waiters(jobs, job);
    jobs_schedule(jobs);
}

/* Submitting */

struct submission {
    struct jobs *jobs;
    struct job *job;
    jobs_submitted *done;
    void *arg;
};

static void job_committed(void *arg, bool ok)
{
    struct submission *submission = arg;
    struct jobs *jobs = submission->jobs;
    struct job *job = submission->job;
    if (!ok) {
        submission->done(submission->arg, NULL, 500, "the job could not be stored");
        job_free(job);
    } else {
        append(jobs, job);
        log_info("job %s: train %s as '%s'", job->id, job->model_type, job->model_name);
        publish(jobs, job);
        submission->done(submission->arg, job, 202, NULL);
        jobs_schedule(jobs);
    }
    free(submission);
}

static void default_name(const struct jobs *jobs, const char *type, char name[NAME_SIZE])
{
    for (int n = 1;; n++) {
        snprintf(name, NAME_SIZE, "%.40s-%d", type, n);
        if (!models_know(jobs->broker->models, name) && !jobs_train_model(jobs, name))
            return;
    }
}

static int waiting(const struct jobs *jobs)
{
    int count = 0;
    for (const struct job *job = jobs->first; job; job = job->next)
        count += job->state == JOB_QUEUED;
    return count;
}

/* 0, or the status of a refusal with its reason. */
static int check(const struct jobs *jobs, const struct job_request *request, struct err *err)
{
    int status = 0;
    const struct node *node = request->node ? registry_find(jobs->broker->registry, request->node) : NULL;
    const char *lacking = node ? node_lacks_option(node, request->options) : NULL;
    if (!name_is_valid(request->model_type))
        status = 400, err_set(err, "modelType '%s' is no name", request->model_type);
    else if (request->model_name && !name_is_valid(request->model_name))
        status = 400, err_set(err, "modelName '%s' is no name: letters, digits and . _ - (at most 64)",
                              request->model_name);
    else if (request->node && !node)
        status = 404, err_set(err, "Node '%s' not found", request->node);
    else if (lacking)
        status = 409, err_set(err, "node '%s' does not offer '%s'", request->node, lacking);
    else if (request->model_name && jobs_train_model(jobs, request->model_name))
        status = 409, err_set(err, "model '%s' is being trained already", request->model_name);
    else if (waiting(jobs) >= QUEUE_MAX)
        status = 503, err_set(err, "%d jobs wait already", QUEUE_MAX);
    return status;
}

static struct job *job_new(struct jobs *jobs, const struct job_request *request)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job || !(job->results = cJSON_CreateArray())) {
        free(job);
        return NULL;
    }
    int64_t now = clock_wall_ms();
    jobs->last_key_ms = now > jobs->last_key_ms ? now : jobs->last_key_ms + 1;
    snprintf(job->id, sizeof job->id, "%lld", (long long)++jobs->last_id);
    snprintf(job->train_key, sizeof job->train_key, "train:%lld", (long long)jobs->last_key_ms);
    snprintf(job->model_type, sizeof job->model_type, "%s", request->model_type);
    if (request->model_name)
        snprintf(job->model_name, sizeof job->model_name, "%s", request->model_name);
    else
        default_name(jobs, request->model_type, job->model_name);
    snprintf(job->wanted, sizeof job->wanted, "%s", request->node ? request->node : "");
    job->options = *request->options;
    job->created = now;
    return job;
}

void jobs_submit(struct jobs *jobs, const struct job_request *request, jobs_submitted *done, void *arg)
{
    struct err err = ERR_INIT;
    int status = check(jobs, request, &err);
    if (status) {
        done(arg, NULL, status, err.text);
        return;
    }
    struct job *job = job_new(jobs, request);
    struct submission *submission = malloc(sizeof *submission);
    if (job && submission) {
        *submission = (struct submission){ jobs, job, done, arg };
        if (!store_save_job(jobs->broker, job, NULL, NULL, job_committed, submission))
            return;
    }
    free(submission);
    if (job)
        job_free(job);
    done(arg, NULL, 500, "no memory for the job");
}

/* Starting */

struct candidates {
    const struct jobs *jobs;
    struct job *queued[QUEUE_MAX];
    struct node *nodes[NODES_MAX];
};

static bool capable(void *arg, size_t job, size_t node)
{
    const struct candidates *candidates = arg;
    const struct node *candidate = candidates->nodes[node];
    return (node_is_legacy(candidate) || node_offers(candidate, "train")) &&
           !node_lacks_option(candidate, &candidates->queued[job]->options);
}

static void send_train(struct jobs *jobs, struct job *job, struct node *node)
{
    struct msg msg;
    msg_init(&msg, MSG_SERVER_TRAIN);
    msg.options = job->options;
    msg.generation = job->generation;
    bool legacy = node_is_legacy(node);
    if (msg_set(&msg.model_name, job->model_name) || msg_set(&msg.model_type, job->model_type) ||
        msg_set(&msg.train_key, job->train_key) || (!legacy && msg_set(&msg.job, job->id)))
        log_error("job %s: no memory to start it", job->id);
    else if (!link_send(node->link, &msg, false))
        job->sent = true;
    msg_release(&msg);
    (void)jobs;
}

static void start_committed(void *arg, bool ok)
{
    struct outcome *outcome = arg;
    struct jobs *jobs = outcome->jobs;
    struct job *job = outcome->job;
    free(outcome);
    struct node *node = registry_find(jobs->broker->registry, job->node);
    if (job->state != JOB_RUNNING || job->sent)
        return;
    if (job->cancelling) {
        end(jobs, job, JOB_CANCELLED, NULL, NULL, NULL, false);
    } else if (ok && node && !strcmp(node->job, job->id)) {
        send_train(jobs, job, node);
        publish(jobs, job);
    } else {
        release_node(jobs, job);
        job->state = JOB_QUEUED;
        job->node[0] = 0;
        if (ok)
            jobs_schedule(jobs);
    }
}

static void start(struct jobs *jobs, struct job *job, struct node *node)
{
    struct outcome *outcome = malloc(sizeof *outcome);
    if (!outcome)
        return;
    *outcome = (struct outcome){ jobs, job, false };
    job->state = JOB_RUNNING;
    job->sent = false;
    job->reason[0] = 0;
    job->generation++;
    job->started = clock_wall_ms();
    snprintf(job->node, sizeof job->node, "%s", node->name);
    snprintf(node->job, sizeof node->job, "%s", job->id);
    log_info("job %s: on '%s'", job->id, node->name);
    node_publish(jobs->broker->registry, node, false);
    if (store_save_job(jobs->broker, job, NULL, NULL, start_committed, outcome)) {
        free(outcome);
        node->job[0] = 0;
        job->state = JOB_QUEUED;
        job->node[0] = 0;
    }
}

/* Why a queued job does not run yet, for people. */
static void explain(struct jobs *jobs, struct job *job)
{
    const struct node *node = *job->wanted ? registry_find(jobs->broker->registry, job->wanted) : NULL;
    char reason[sizeof job->reason + NAME_SIZE];
    if (*job->wanted)
        snprintf(reason, sizeof reason, "waits for node '%.64s'%s", job->wanted, node ? "" : ", which is not there");
    else
        snprintf(reason, sizeof reason, "waits for a free node");
    if (strcmp(reason, job->reason)) {
        snprintf(job->reason, sizeof job->reason, "%.*s", (int)sizeof job->reason - 1, reason);
        publish(jobs, job);
    }
}

void jobs_schedule(struct jobs *jobs)
{
    struct candidates *candidates = malloc(sizeof *candidates);
    struct schedule_job *queued = calloc(QUEUE_MAX, sizeof *queued);
    struct schedule_node *nodes = calloc(NODES_MAX, sizeof *nodes);
    bool again = candidates && queued && nodes;
    while (again) {
        size_t job_count = 0, node_count = 0, job, node;
        for (struct job *at = jobs->first; at && job_count < QUEUE_MAX; at = at->next)
            if (at->state == JOB_QUEUED) {
                candidates->queued[job_count] = at;
                queued[job_count++].wanted = *at->wanted ? at->wanted : NULL;
            }
        for (struct node *at = registry_first(jobs->broker->registry); at && node_count < NODES_MAX; at = at->next) {
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

/* Cancelling */

static void send_cancel(struct node *node, const struct job *job)
{
    struct msg msg;
    msg_init(&msg, MSG_SERVER_CANCEL);
    msg.generation = job->generation;
    if (!msg_set(&msg.train_key, job->train_key) && !msg_set(&msg.job, job->id))
        link_send(node->link, &msg, false);
    msg_release(&msg);
}

void jobs_cancel(struct jobs *jobs, const char *id, jobs_cancelled *done, void *arg)
{
    struct err err = ERR_INIT;
    struct job *job = find(jobs, id);
    if (!job) {
        err_set(&err, "job '%s' not found", id);
        done(arg, 404, err.text);
        return;
    }
    struct node *node = *job->node ? registry_find(jobs->broker->registry, job->node) : NULL;
    if (ended(job)) {
        err_set(&err, "job '%s' has ended already: %s", id, job_state_names[job->state]);
        done(arg, 409, err.text);
    } else if (job->state == JOB_QUEUED || !node) {
        /* Of a node that is away: it is told when it comes back. */
        end(jobs, job, JOB_CANCELLED, NULL, NULL, NULL, false);
        done(arg, 200, NULL);
    } else if (!node_offers(node, "cancel")) {
        err_set(&err, "node '%s' cannot cancel a training", job->node);
        done(arg, 409, err.text);
    } else {
        job->cancelling = true;
        if (job->sent)
            send_cancel(node, job);
        done(arg, 202, NULL);
    }
}

/* What nodes tell */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct jobs *jobs = arg;
    int64_t now = clock_ms();
    for (struct job *job = jobs->first; job; job = job->next)
        if (job->state == JOB_RUNNING && job->lost_ms && now - job->lost_ms >= JOBS_GRACE_MS) {
            char error[160];
            snprintf(error, sizeof error, "node '%s' was lost", job->node);
            end(jobs, job, JOB_FAILED, error, NULL, NULL, false);
        }
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
    for (struct job *job = jobs->first; job; job = job->next)
        if (job->state == JOB_RUNNING && !strcmp(job->node, node) && !job->lost_ms) {
            job->lost_ms = clock_ms();
            snprintf(job->reason, sizeof job->reason, "node '%.64s' is away", node);
            publish(jobs, job);
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

/* The node runs what was cancelled or given up while it was away. */
static void stop_strays(struct jobs *jobs, struct node *node, const cJSON *listed)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, listed)
    {
        const char *key = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "train_key"));
        const char *state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "state"));
        const struct job *job = find_key(jobs, key);
        if (job && ended(job) && job->state == JOB_CANCELLED && state && !strcmp(state, "running"))
            send_cancel(node, job);
    }
}

void jobs_node_info(struct jobs *jobs, struct node *node, const cJSON *listed)
{
    for (struct job *job = jobs->first; job; job = job->next) {
        if (job->state != JOB_RUNNING || strcmp(job->node, node->name) || !job->sent)
            continue;
        if (!node_is_legacy(node) && !listed_job(listed, job->train_key)) {
            char error[160];
            /* The train message may be on its way to a node that has just told of itself. */
            if (!job->lost_ms)
                continue;
            snprintf(error, sizeof error, "node '%s' no longer has it", job->node);
            end(jobs, job, JOB_FAILED, error, NULL, NULL, false);
            continue;
        }
        job->lost_ms = 0;
        job->reason[0] = 0;
        snprintf(node->job, sizeof node->job, "%s", job->id);
        if (job->cancelling && !node_is_legacy(node))
            send_cancel(node, job);
        publish(jobs, job);
    }
    if (!node_is_legacy(node))
        stop_strays(jobs, node, listed);
    jobs_schedule(jobs);
}

/* Puts an epoch's object in its place, or over that of the same number: epochs that passed while the broker was away
 * come later, with the report. */
static void add_result(struct job *job, const cJSON *result)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(result, "epoch");
    cJSON *copy = cJSON_IsNumber(number) ? cJSON_Duplicate(result, true) : NULL;
    int at = 0;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, job->results)
    {
        const cJSON *known = cJSON_GetObjectItemCaseSensitive(entry, "epoch");
        if (cJSON_IsNumber(known) && cJSON_IsNumber(number) && known->valueint >= number->valueint) {
            if (copy && known->valueint == number->valueint)
                cJSON_ReplaceItemInArray(job->results, at, copy);
            else if (copy)
                cJSON_InsertItemInArray(job->results, at, copy);
            return;
        }
        at++;
    }
    if (copy)
        cJSON_AddItemToArray(job->results, copy);
}

void jobs_progress(struct jobs *jobs, struct node *node, struct msg *msg)
{
    struct job *job = find_key(jobs, msg->train_key);
    if (!job || job->state != JOB_RUNNING || strcmp(job->node, node->name))
        return;
    job->sent = true;
    job->epoch = msg->epoch;
    job->batch = msg->batch;
    job->batches = msg->batches;
    job->images_per_second = msg->images_per_second;
    job->loss = msg->loss;
    job->accuracy = msg->accuracy;
    if (msg->result) {
        add_result(job, msg->result);
        /* An epoch is worth a write: a restarted broker shows what was reached. */
        store_save_job(jobs->broker, job, NULL, NULL, NULL, NULL);
    }
    publish(jobs, job);
}

/* Of another broker, or of a state that was lost: what the node made is listed all the same, and it need not keep on
 * telling. */
static void unknown_outcome(struct jobs *jobs, const struct node *node, const struct msg *msg)
{
    log_warn("%s: outcome of a training that is not known here: '%s'", node->name, msg->train_key);
    send_ack(jobs, node->name, NULL, msg);
}

void jobs_completed(struct jobs *jobs, struct node *node, struct msg *msg)
{
    struct job *job = find_key(jobs, msg->train_key);
    const cJSON *info = cJSON_GetArrayItem(msg->model_info, 0);
    if (node_add_model(jobs->broker->registry, node, msg->model_name, info))
        log_error("no memory for a model of '%s'", node->name);
    if (!job) {
        models_seen(jobs->broker->models, msg->model_info);
        unknown_outcome(jobs, node, msg);
        return;
    }
    if (job->state == JOB_COMPLETED) {
        send_ack(jobs, node->name, job, NULL);
        return;
    }
    const char *log = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(msg->data, "output_contents"));
    const cJSON *results = cJSON_GetObjectItemCaseSensitive(msg->report, "results"), *result;
    cJSON_ArrayForEach(result, results)
    {
        add_result(job, result);
    }
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
    end(jobs, job, JOB_COMPLETED, NULL, report, log, true);
    free(report);
}

void jobs_failed(struct jobs *jobs, struct node *node, const struct msg *msg)
{
    struct job *job = find_key(jobs, msg->train_key);
    if (!job) {
        unknown_outcome(jobs, node, msg);
        return;
    }
    if (ended(job)) {
        send_ack(jobs, node->name, job, NULL);
        return;
    }
    end(jobs, job, msg->cancelled == 1 ? JOB_CANCELLED : JOB_FAILED, msg->cancelled == 1 ? NULL : msg->message, NULL,
        NULL, true);
}
