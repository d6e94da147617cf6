/* Trainings from SERVER TRAIN to their outcome. */
#include "trainings.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/log.h"
#include "dcls/proto/name.h"
#include "progress.h"
#include "daemon.h"
#include "prepare.h"

#define JOBS_MAX 64                      /* waiting and running */
#define KILL_S 10                        /* how long a worker may take to end once asked */
#define NEWS_S 1                         /* between two words about a download */
#define PROGRESS_BACKLOG (256 * 1024)    /* bytes under way beyond which batches are not told */

enum job_state { JOB_WAITING, JOB_PREPARING, JOB_RUNNING };

struct job {
    struct trainings *owner;
    struct msg request; /* SERVER TRAIN */
    enum job_state state;
    bool cancelled, has_outcome;
    struct errand *errand;
    struct child *child;
    struct preparation preparation;
    int64_t downloaded; /* bytes told last */
    struct job *next;
};

struct trainings {
    struct node *node;
    struct job *first; /* the one that is on, then those that wait */
    int count;
    struct event *kill_timer, *news_timer;
};

static void start_next(struct trainings *trainings);

static void job_free(struct job *job)
{
    msg_release(&job->request);
    preparation_release(&job->preparation);
    free(job);
}

/* Takes a job without errand or child off the list. */
static void forget(struct job *job)
{
    struct trainings *trainings = job->owner;
    for (struct job **at = &trainings->first; *at; at = &(*at)->next)
        if (*at == job) {
            *at = job->next;
            trainings->count--;
            break;
        }
    job_free(job);
}

/* Sends an outcome in the form that this broker knows. */
static void deliver(struct trainings *trainings, const struct msg *outcome)
{
    struct node *node = trainings->node;
    struct msg msg;
    struct buf text;
    struct err err = ERR_INIT;
    bool as_error = uplink_is_legacy(node->link) && outcome->type == MSG_TRAINING_FAILED;
    if (!uplink_is_up(node->link))
        return;
    buf_init(&text, MSG_MAX);
    if (as_error) {
        msg_init(&msg, MSG_ERROR);
        if (buf_printf(&text, "training of '%s' failed: %s", outcome->model_name ? outcome->model_name : "",
                       outcome->message ? outcome->message : "") ||
            msg_set(&msg.message, buf_text(&text)))
            err_set(&err, "no memory");
    } else if (msg_encode(outcome, &text, &err) || msg_decode(&msg, text.data, text.len, &err)) {
        /* told below */
    }
    if (*err.text)
        log_error("the outcome of '%s' cannot be sent: %s", outcome->train_key, err.text);
    else
        node_send(node, &msg, outcome->train_key);
    msg_release(&msg);
    buf_release(&text);
}

static void keep_and_deliver(struct trainings *trainings, struct msg *outcome)
{
    struct err err = ERR_INIT;
    if (!outcome->name)
        msg_set(&outcome->name, trainings->node->config.name);
    if (outcomes_add(trainings->node->outcomes, outcome, &err))
        log_error("the outcome of '%s' is not kept: %s", outcome->train_key, err.text);
    deliver(trainings, outcome);
}

static int fill_failure(struct msg *outcome, const struct msg *request, const char *why, bool cancelled)
{
    msg_init(outcome, MSG_TRAINING_FAILED);
    outcome->generation = request->generation;
    outcome->cancelled = cancelled;
    return msg_set(&outcome->train_key, request->train_key) || msg_set(&outcome->job, request->job) ||
                   msg_set(&outcome->model_name, request->model_name) || msg_set(&outcome->message, why)
               ? -1
               : 0;
}

static void fail_request(struct trainings *trainings, const struct msg *request, const char *why, bool cancelled)
{
    struct msg outcome;
    const char *name = request->model_name ? request->model_name : "";
    if (cancelled)
        log_info("training '%s' (%s) was cancelled", name, request->train_key);
    else
        log_warn("training '%s' (%s) failed: %s", name, request->train_key, why);
    if (fill_failure(&outcome, request, why, cancelled))
        log_error("no memory for the outcome of '%s'", request->train_key);
    else
        keep_and_deliver(trainings, &outcome);
    msg_release(&outcome);
}

static void fail(struct job *job, const char *why)
{
    if (job->has_outcome)
        return;
    job->has_outcome = true;
    fail_request(job->owner, &job->request, job->cancelled ? "cancelled" : why, job->cancelled);
}

static void send_new_model(struct trainings *trainings, const char *name, const cJSON *info)
{
    struct node *node = trainings->node;
    struct msg msg;
    msg_init(&msg, MSG_NEW_MODEL_ADDED);
    msg.model_info = cJSON_Duplicate(info, true);
    if (!msg_set(&msg.new_model, name) && !shelf_names(node->shelf, &msg.models))
        node_send(node, &msg, NULL);
    msg_release(&msg);
}

static void complete(struct job *job, struct msg *outcome)
{
    struct trainings *trainings = job->owner;
    struct shelf *shelf = trainings->node->shelf;
    struct err err = ERR_INIT;
    job->has_outcome = true;
    log_info("training '%s' (%s) is complete", job->request.model_name, job->request.train_key);
    shelf_learn(shelf, cJSON_GetArrayItem(outcome->model_info, 0));
    if (shelf_scan(shelf, &err))
        log_error("%s", err.text);
    keep_and_deliver(trainings, outcome);
    send_new_model(trainings, job->request.model_name, outcome->model_info);
}

static void arm_kill(struct trainings *trainings)
{
    struct timeval delay = { KILL_S, 0 };
    event_add(trainings->kill_timer, &delay);
}

static void on_kill_timer(evutil_socket_t fd, short what, void *arg)
{
    struct trainings *trainings = arg;
    (void)fd;
    (void)what;
    if (trainings->first && trainings->first->child) {
        log_warn("the worker of '%s' does not end and is killed", trainings->first->request.model_name);
        trainings->first->cancelled = true; /* it was asked to end by a cancel, or after its outcome */
        child_kill(trainings->first->child);
    }
}

static void on_message(void *arg, struct msg *msg)
{
    struct job *job = arg;
    struct node *node = job->owner->node;
    if (!msg->train_key || strcmp(msg->train_key, job->request.train_key) != 0 || job->has_outcome) {
        log_warn("the worker sent an unasked %s", msg_type_name(msg->type));
        return;
    }
    switch (msg->type) {
    case MSG_TRAINING_PROGRESS:
        if (!uplink_is_legacy(node->link) && (msg->result || uplink_backlog(node->link) < PROGRESS_BACKLOG))
            node_send(node, msg, NULL);
        return;
    case MSG_TRAINING_COMPLETED:
        complete(job, msg);
        break;
    case MSG_TRAINING_FAILED:
        job->cancelled = msg->cancelled == 1;
        fail(job, msg->message ? msg->message : "the worker did not say why");
        break;
    default:
        log_warn("the worker sent %s", msg_type_name(msg->type));
        return;
    }
    child_hang_up(job->child);
    arm_kill(job->owner);
}

static void on_ended(void *arg, const char *why)
{
    struct job *job = arg;
    struct trainings *trainings = job->owner;
    event_del(trainings->kill_timer);
    job->child = NULL;
    fail(job, why);
    forget(job);
    start_next(trainings);
}

/* WORKER TRAIN is SERVER TRAIN with the real paths. */
static int fill_worker_train(const struct job *job, struct msg *msg)
{
    const struct node *node = job->owner->node;
    const struct msg *request = &job->request;
    msg_init(msg, MSG_WORKER_TRAIN);
    msg->generation = request->generation;
    msg->options = request->options;
    msg->threads = node->config.threads;
    return msg_set(&msg->train_key, request->train_key) || msg_set(&msg->job, request->job) ||
                   msg_set(&msg->model_name, request->model_name) || msg_set(&msg->model_type, request->model_type) ||
                   msg_set(&msg->data_dir, job->preparation.data_dir) || msg_set(&msg->models_dir, node->models_dir) ||
                   msg_set(&msg->weights_file, job->preparation.weights_file) ||
                   msg_set(&msg->notice, *job->preparation.notice.text ? job->preparation.notice.text : NULL)
               ? -1
               : 0;
}

static int start_worker(struct job *job, struct err *err)
{
    struct child_events events = { .arg = job, .message = on_message, .ended = on_ended };
    struct msg msg;
    if (!(job->child = node_start_worker(job->owner->node, "worker", &events, err)))
        return -1;
    job->state = JOB_RUNNING;
    int result = fill_worker_train(job, &msg) ? err_set(err, "no memory to start a training")
                                              : child_send(job->child, &msg, err);
    msg_release(&msg);
    return result;
}

static void arm_news(struct trainings *trainings)
{
    struct timeval delay = { NEWS_S, 0 };
    event_add(trainings->news_timer, &delay);
}

static void on_news_timer(evutil_socket_t fd, short what, void *arg)
{
    struct trainings *trainings = arg;
    struct job *job = trainings->first;
    (void)fd;
    (void)what;
    if (!job || job->state != JOB_PREPARING)
        return;
    news_download(trainings->node, &job->request, &job->preparation, &job->downloaded);
    arm_news(trainings);
}

static void prepare_done(void *arg, int result, const struct err *err)
{
    struct job *job = arg;
    struct trainings *trainings = job->owner;
    struct err why = *err;
    job->errand = NULL;
    if (!result && *job->preparation.notice.text) {
        log_warn("training '%s': %s", job->request.model_name, job->preparation.notice.text);
        news_send(trainings->node, &job->request, NULL, job->preparation.notice.text);
    }
    if (job->preparation.fetches_dataset)
        node_refresh_dataset(trainings->node);
    if (!result && !job->cancelled && !job->has_outcome && !start_worker(job, &why))
        return;
    fail(job, why.text);
    if (job->child) { /* it was started but not told what to do: `ended` cleans up */
        child_kill(job->child);
        return;
    }
    forget(job);
    start_next(trainings);
}

static int prepare_run(void *arg, const volatile bool *stop, struct err *err)
{
    struct job *job = arg;
    return preparation_run(&job->preparation, stop, err);
}

static int prepare(struct job *job, struct err *err)
{
    struct node *node = job->owner->node;
    if (preparation_init(&job->preparation, node, job->request.model_type, &job->request.options, err))
        return -1;
    job->state = JOB_PREPARING;
    arm_news(job->owner);
    if (!(job->errand = crew_start(node->crew, prepare_run, prepare_done, job)))
        return err_set(err, "no memory to start a training");
    return 0;
}

static void start_next(struct trainings *trainings)
{
    struct job *job;
    while (!trainings->node->stopping && (job = trainings->first) && job->state == JOB_WAITING) {
        struct err err = ERR_INIT;
        if (!prepare(job, &err))
            return;
        fail(job, err.text);
        forget(job);
    }
}

/* Every member of a SERVER TRAIN has to be known: an option that is passed over would train something else. */
static int check_members(const char *text, size_t len, struct err *err)
{
    static const char *const known[] = { "type", "name", "modelName", "modelType", "train_key", "job", "generation" };
    cJSON *object = cJSON_ParseWithLength(text, len);
    const cJSON *member;
    int result = 0;
    cJSON_ArrayForEach(member, object)
    {
        bool found = train_option_by_name(member->string) != NULL;
        for (size_t i = 0; !found && i < sizeof known / sizeof *known; i++)
            found = !strcmp(member->string, known[i]);
        if (!found) {
            result = err_set(err, "the option '%s' is not offered", member->string);
            break;
        }
    }
    cJSON_Delete(object);
    return result;
}

static struct job *find(const struct trainings *trainings, const char *train_key)
{
    for (struct job *job = trainings->first; job; job = job->next)
        if (!strcmp(job->request.train_key, train_key))
            return job;
    return NULL;
}

void trainings_request(struct trainings *trainings, struct msg *msg, const char *text, size_t len)
{
    struct err err = ERR_INIT;
    if (!msg->train_key) {
        node_send_error(trainings->node, NULL, NULL, "SERVER TRAIN needs a train_key");
        return;
    }
    const struct msg *outcome = outcomes_find(trainings->node->outcomes, msg->train_key);
    /* Asked twice, by a broker that lost the first answer: nothing is trained twice. */
    if (outcome) {
        deliver(trainings, outcome);
        return;
    }
    if (find(trainings, msg->train_key))
        return;
    if (!msg->model_name || !name_is_valid(msg->model_name))
        err_set(&err, "'%s' is no name for a model", msg->model_name ? msg->model_name : "");
    else if (trainings->count >= JOBS_MAX)
        err_set(&err, "the node is busy: %d trainings wait", JOBS_MAX);
    else
        check_members(text, len, &err);
    struct job *job = *err.text ? NULL : calloc(1, sizeof *job);
    if (!job) {
        fail_request(trainings, msg, *err.text ? err.text : "no memory", false);
        return;
    }
    job->owner = trainings;
    job->request = *msg;
    msg_init(msg, MSG_SERVER_TRAIN); /* what it pointed to is the job's now */
    struct job **end = &trainings->first;
    while (*end)
        end = &(*end)->next;
    *end = job;
    trainings->count++;
    log_info("training '%s' (%s) was asked for", job->request.model_name, job->request.train_key);
    start_next(trainings);
}

static const char *text_of(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(member) ? member->valuestring : NULL;
}

bool trainings_refuse(struct trainings *trainings, const char *text, size_t len, const struct err *why)
{
    cJSON *object = cJSON_ParseWithLength(text, len);
    const char *type = text_of(object, "type"), *key = text_of(object, "train_key");
    bool is_training = type && !strcmp(type, msg_type_name(MSG_SERVER_TRAIN)) && key && name_is_key(key);
    if (is_training && !find(trainings, key)) {
        struct msg request;
        const cJSON *generation = cJSON_GetObjectItemCaseSensitive(object, "generation");
        const char *job = text_of(object, "job"), *model = text_of(object, "modelName");
        msg_init(&request, MSG_SERVER_TRAIN);
        if (cJSON_IsNumber(generation) && generation->valuedouble >= 0)
            request.generation = generation->valueint;
        if (!msg_set(&request.train_key, key) && !msg_set(&request.job, job && name_is_key(job) ? job : NULL) &&
            !msg_set(&request.model_name, model && name_is_valid(model) ? model : NULL))
            fail_request(trainings, &request, why->text, false);
        msg_release(&request);
    }
    cJSON_Delete(object);
    return is_training;
}

void trainings_cancel(struct trainings *trainings, const struct msg *msg)
{
    struct err err = ERR_INIT;
    struct msg cancel;
    if (!msg->train_key) {
        node_send_error(trainings->node, NULL, NULL, "SERVER CANCEL needs a train_key");
        return;
    }
    struct job *job = find(trainings, msg->train_key);
    const struct msg *outcome = outcomes_find(trainings->node->outcomes, msg->train_key);
    if (!job && outcome) {
        deliver(trainings, outcome);
        return;
    }
    if (!job) {
        /* Told but not kept: it is no outcome of anything that was done here. */
        struct msg failure;
        if (!fill_failure(&failure, msg, "the node has no such job", false))
            deliver(trainings, &failure);
        msg_release(&failure);
        return;
    }
    if (job->has_outcome)
        return;
    log_info("training '%s' is to be cancelled", job->request.model_name);
    switch (job->state) {
    case JOB_WAITING:
        job->cancelled = true;
        fail(job, "cancelled");
        forget(job);
        break;
    case JOB_PREPARING:
        job->cancelled = true;
        errand_stop(job->errand);
        break;
    case JOB_RUNNING:
        /* `cancelled` is only set where it was: a training may complete before it hears of this. */
        msg_init(&cancel, MSG_SERVER_CANCEL);
        cancel.generation = job->request.generation;
        if (msg_set(&cancel.train_key, job->request.train_key) || msg_set(&cancel.job, job->request.job) ||
            child_send(job->child, &cancel, &err)) {
            job->cancelled = true;
            child_kill(job->child);
        }
        msg_release(&cancel);
        arm_kill(trainings);
        break;
    }
}

void trainings_deliver(struct trainings *trainings)
{
    const struct outcomes *outcomes = trainings->node->outcomes;
    for (size_t i = 0; i < outcomes_count(outcomes); i++)
        deliver(trainings, outcomes_get(outcomes, i));
}

cJSON *trainings_list(const struct trainings *trainings)
{
    cJSON *jobs = cJSON_CreateArray();
    bool complete = jobs && !outcomes_list(trainings->node->outcomes, jobs);
    for (const struct job *job = trainings->first; job && complete; job = job->next) {
        if (job->has_outcome)
            continue;
        cJSON *entry = outcomes_entry(&job->request, "running");
        if (!cJSON_AddItemToArray(jobs, entry)) {
            cJSON_Delete(entry);
            complete = false;
        }
    }
    if (complete)
        return jobs;
    cJSON_Delete(jobs);
    return NULL;
}

bool trainings_use(const struct trainings *trainings, const char *model)
{
    for (const struct job *job = trainings->first; job; job = job->next)
        if (!job->has_outcome && !strcmp(job->request.model_name, model))
            return true;
    return false;
}

void trainings_stop(struct trainings *trainings)
{
    char why[128];
    snprintf(why, sizeof why, "node '%s' was stopped", trainings->node->config.name);
    for (struct job *job = trainings->first; job; job = job->next) {
        fail(job, why);
        if (job->errand)
            errand_stop(job->errand);
        if (job->child)
            child_kill(job->child);
    }
}

struct trainings *trainings_new(struct node *node, struct err *err)
{
    struct trainings *trainings = calloc(1, sizeof *trainings);
    if (!trainings || !(trainings->kill_timer = evtimer_new(node->base, on_kill_timer, trainings)) ||
        !(trainings->news_timer = evtimer_new(node->base, on_news_timer, trainings))) {
        if (trainings && trainings->kill_timer)
            event_free(trainings->kill_timer);
        free(trainings);
        err_set(err, "no memory for trainings");
        return NULL;
    }
    trainings->node = node;
    return trainings;
}

void trainings_free(struct trainings *trainings)
{
    if (!trainings)
        return;
    while (trainings->first)
        forget(trainings->first);
    event_free(trainings->kill_timer);
    event_free(trainings->news_timer);
    free(trainings);
}
