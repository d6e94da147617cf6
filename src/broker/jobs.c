/* The table of trainings: submitting, cancelling, waiting, ending. An end is always by job_end, which stores it before
 * anybody is told. Sends nothing but SERVER CANCEL and SERVER JOB ACK. */
#include "jobs_inner.h"

#include <event2/event.h>
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
#include "store.h"

const char *const job_state_names[] = { "queued", "running", "completed", "failed", "cancelled" };

struct waiter {
    struct waiter *next;
    const struct job *job;
    job_ended *ended;
    void *arg;
};

struct submission {
    struct submission *next;
    struct jobs *jobs;
    struct job *job;
    jobs_submitted *done;
    void *arg;
};

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

void jobs_stop(struct jobs *jobs)
{
    jobs->stopping = true;
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
    job->committed = job_is_over(job);
    if (job->state == JOB_RUNNING) {
        job->sent = true;
        job->lost_ms = clock_ms(); /* until its node says otherwise */
        snprintf(job->reason, sizeof job->reason, "node '%.64s' is away", job->node);
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

struct job *jobs_find_key(const struct jobs *jobs, const char *train_key)
{
    for (struct job *job = jobs->first; job && train_key; job = job->next)
        if (!strcmp(job->train_key, train_key))
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
        if (!job_is_over(job) && !strcmp(job->model_name, model))
            return true;
    /* What is about to be committed holds its name already. */
    for (const struct submission *submission = jobs->submissions; submission; submission = submission->next)
        if (!strcmp(submission->job->model_name, model))
            return true;
    return false;
}

void job_publish(struct jobs *jobs, const struct job *job)
{
    cJSON *object = job_json(job);
    if (object)
        events_publish(jobs->broker->events, "job", object);
    cJSON_Delete(object);
}

/* Waiting */

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
    if (job_is_over(job) && !job->ending) {
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

/* Ending */

void job_release_node(struct jobs *jobs, const struct job *job)
{
    struct node *node = registry_find(jobs->broker->registry, job->node);
    if (!node || strcmp(node->job, job->id))
        return;
    node->job[0] = 0;
    node_publish(jobs->broker->registry, node, false);
}

void job_acknowledge(struct jobs *jobs, const char *node_name, const struct job *job, const struct msg *unknown)
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

struct ended {
    struct jobs *jobs;
    struct job *job;
    unsigned end;
    bool acknowledge;
    jobs_cancelled *done;
    void *arg;
};

static void end_committed(void *arg, bool ok)
{
    struct ended *ended = arg;
    struct job *job = ended->job;
    /* A later end is on its way where the numbers differ: that one tells. */
    if (ended->end == job->ends) {
        job->ending = false;
        job->committed = ok;
        if (ok && ended->acknowledge)
            job_acknowledge(ended->jobs, job->node, job, NULL);
    }
    job_publish(ended->jobs, job);
    if (ended->done)
        ended->done(ended->arg, ok ? 200 : 500, ok ? NULL : "the job's end could not be stored");
    if (job_is_over(job) && !job->ending)
        tell_waiters(ended->jobs, job);
    free(ended);
}

void job_end(struct jobs *jobs, struct job *job, const struct ending *ending)
{
    job_release_node(jobs, job);
    if (!job->ending)
        job->before = job->state;
    job->ending = true;
    job->state = ending->state;
    job->ended = clock_wall_ms();
    job->lost_ms = 0;
    job->reason[0] = 0;
    job->committed = false;
    job->ends++;
    free(job->error);
    job->error = ending->error ? strdup(ending->error) : NULL;
    log_info("job %s (%s): %s%s%s", job->id, job->model_name, job_state_names[job->state], ending->error ? ": " : "",
             ending->error ? ending->error : "");
    struct ended *ended = malloc(sizeof *ended);
    if (ended)
        *ended = (struct ended){ jobs, job, job->ends, ending->acknowledge, ending->done, ending->arg };
    if (ended && store_save_job(jobs->broker, job, ending->report, ending->log, end_committed, ended))
        end_committed(ended, false);
    else if (!ended) {
        job->ending = false;
        job_publish(jobs, job);
        tell_waiters(jobs, job);
        if (ending->done)
            ending->done(ending->arg, 500, "no memory to store the job's end");
    }
    jobs_schedule(jobs);
}

/* Submitting */

static void job_committed(void *arg, bool ok)
{
    struct submission *submission = arg;
    struct jobs *jobs = submission->jobs;
    struct job *job = submission->job;
    for (struct submission **at = &jobs->submissions; *at; at = &(*at)->next)
        if (*at == submission) {
            *at = submission->next;
            break;
        }
    if (!ok) {
        submission->done(submission->arg, NULL, 500, "the job could not be stored");
        job_free(job);
    } else {
        append(jobs, job);
        log_info("job %s: train %s as '%s'", job->id, job->model_type, job->model_name);
        job_publish(jobs, job);
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
    for (const struct submission *submission = jobs->submissions; submission; submission = submission->next)
        count++;
    return count;
}

/* What ended without a model on that node (NULL: any). */
static bool has_left(const struct job *job, const char *model, const char *node)
{
    return (job->state == JOB_FAILED || job->state == JOB_CANCELLED) && !job->cleaned && *job->node &&
           !strcmp(job->model_name, model) && (!node || !strcmp(job->node, node));
}

bool jobs_left(const struct jobs *jobs, const char *model, const char *node)
{
    for (const struct job *job = jobs->first; job; job = job->next)
        if (has_left(job, model, node))
            return true;
    return false;
}

void jobs_sweep(struct jobs *jobs, const char *model, const char *node)
{
    for (struct job *job = jobs->first; job; job = job->next)
        job->cleaned |= has_left(job, model, node);
}

const struct job *jobs_last_started(const struct jobs *jobs, const char *model)
{
    const struct job *last = NULL;
    for (const struct job *job = jobs->first; job; job = job->next)
        if (*job->node && strcmp(job->model_name, model) == 0)
            last = job;
    return last;
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
        status = 400,
        err_set(err, "modelName '%s' is no name: letters, digits and . _ - (at most 64)", request->model_name);
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
    snprintf(job->requested_node, sizeof job->requested_node, "%s", request->node ? request->node : "");
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
        *submission = (struct submission){ jobs->submissions, jobs, job, done, arg };
        if (!store_save_job(jobs->broker, job, NULL, NULL, job_committed, submission)) {
            jobs->submissions = submission;
            return;
        }
    }
    free(submission);
    if (job)
        job_free(job);
    done(arg, NULL, 500, "no memory for the job");
}

/* Cancelling */

void job_send_cancel(struct node *node, const struct job *job)
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
    if (job->ending) {
        err_set(&err, "job '%s' is about to end", id);
        done(arg, 409, err.text);
    } else if (job_is_over(job)) {
        err_set(&err, "job '%s' has ended already: %s", id, job_state_names[job->state]);
        done(arg, 409, err.text);
    } else if (job->state == JOB_QUEUED || !node) {
        /* Of a node that is away: it is told when it comes back. */
        job_end(jobs, job, &(struct ending){ .state = JOB_CANCELLED, .done = done, .arg = arg });
    } else if (job->sent && !node_offers(node, "cancel")) {
        err_set(&err, "node '%s' cannot cancel a training", job->node);
        done(arg, 409, err.text);
    } else {
        job->cancelling = true;
        if (job->sent)
            job_send_cancel(node, job);
        done(arg, 202, NULL);
    }
}
