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

#define JOBS_MAX 64                   /* waiting and running */
#define KILL_S 10                     /* how long a worker may take to end once asked */
#define NEWS_S 1                      /* between two words about a download */
#define PROGRESS_BACKLOG (256 * 1024) /* bytes under way beyond which batches are not told */

enum training_state { TRAINING_WAITING, TRAINING_PREPARING, TRAINING_RUNNING };

struct training {
    struct trainings *owner;
    struct msg request; /* SERVER TRAIN */
    enum training_state state;
    bool cancelled, has_outcome;
    struct work *work;
    struct child *child;
    struct preparation preparation;
    int64_t downloaded; /* bytes told last */
    struct training *next;
};

struct trainings {
    struct daemon *daemon;
    struct training *first; /* the one that is on, then those that wait */
    int count;
    struct event *kill_timer, *news_timer;
};

static void start_next(struct trainings *trainings);

static void training_free(struct training *training)
{
    msg_release(&training->request);
    preparation_release(&training->preparation);
    free(training);
}

/* Takes a job without work or child off the list. */
static void forget(struct training *training)
{
    struct trainings *trainings = training->owner;
    for (struct training **at = &trainings->first; *at; at = &(*at)->next)
        if (*at == training) {
            *at = training->next;
            trainings->count--;
            break;
        }
    training_free(training);
}

/* Sends an outcome in the form that this broker knows. */
static void deliver(struct trainings *trainings, const struct msg *outcome)
{
    struct daemon *daemon = trainings->daemon;
    struct msg msg;
    struct buf text;
    struct err err = ERR_INIT;
    bool as_error = uplink_is_legacy(daemon->link) && outcome->type == MSG_TRAINING_FAILED;
    if (!uplink_is_up(daemon->link))
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
        daemon_send(daemon, &msg, outcome->train_key);
    msg_release(&msg);
    buf_release(&text);
}

static void keep_and_deliver(struct trainings *trainings, struct msg *outcome)
{
    struct err err = ERR_INIT;
    if (!outcome->name)
        msg_set(&outcome->name, trainings->daemon->config.name);
    if (outbox_add(trainings->daemon->outbox, outcome, &err))
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

static void fail(struct training *training, const char *why)
{
    if (training->has_outcome)
        return;
    training->has_outcome = true;
    fail_request(training->owner, &training->request, training->cancelled ? "cancelled" : why, training->cancelled);
}

static void send_new_model(struct trainings *trainings, const char *name, const cJSON *info)
{
    struct daemon *daemon = trainings->daemon;
    struct msg msg;
    msg_init(&msg, MSG_NEW_MODEL_ADDED);
    msg.model_info = cJSON_Duplicate(info, true);
    if (!msg_set(&msg.new_model, name) && !model_store_names(daemon->model_store, &msg.models))
        daemon_send(daemon, &msg, NULL);
    msg_release(&msg);
}

static void complete(struct training *training, struct msg *outcome)
{
    struct trainings *trainings = training->owner;
    struct model_store *model_store = trainings->daemon->model_store;
    struct err err = ERR_INIT;
    training->has_outcome = true;
    log_info("training '%s' (%s) is complete", training->request.model_name, training->request.train_key);
    model_store_learn(model_store, cJSON_GetArrayItem(outcome->model_info, 0));
    if (model_store_scan(model_store, &err))
        log_error("%s", err.text);
    keep_and_deliver(trainings, outcome);
    send_new_model(trainings, training->request.model_name, outcome->model_info);
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
    struct training *training = arg;
    struct daemon *daemon = training->owner->daemon;
    if (!msg->train_key || strcmp(msg->train_key, training->request.train_key) != 0 || training->has_outcome) {
        log_warn("the worker sent an unasked %s", msg_type_name(msg->type));
        return;
    }
    switch (msg->type) {
    case MSG_TRAINING_PROGRESS:
        if (!uplink_is_legacy(daemon->link) && (msg->result || uplink_backlog(daemon->link) < PROGRESS_BACKLOG))
            daemon_send(daemon, msg, NULL);
        return;
    case MSG_TRAINING_COMPLETED:
        complete(training, msg);
        break;
    case MSG_TRAINING_FAILED:
        training->cancelled = msg->cancelled == 1;
        fail(training, msg->message ? msg->message : "the worker did not say why");
        break;
    default:
        log_warn("the worker sent %s", msg_type_name(msg->type));
        return;
    }
    child_hang_up(training->child);
    arm_kill(training->owner);
}

static void on_ended(void *arg, const char *why)
{
    struct training *training = arg;
    struct trainings *trainings = training->owner;
    event_del(trainings->kill_timer);
    training->child = NULL;
    fail(training, why);
    forget(training);
    start_next(trainings);
}

/* WORKER TRAIN is SERVER TRAIN with the real paths. */
static int fill_worker_train(const struct training *training, struct msg *msg)
{
    const struct daemon *daemon = training->owner->daemon;
    const struct msg *request = &training->request;
    msg_init(msg, MSG_WORKER_TRAIN);
    msg->generation = request->generation;
    msg->options = request->options;
    msg->threads = daemon->config.threads;
    return msg_set(&msg->train_key, request->train_key) || msg_set(&msg->job, request->job) ||
                   msg_set(&msg->model_name, request->model_name) || msg_set(&msg->model_type, request->model_type) ||
                   msg_set(&msg->data_dir, training->preparation.data_dir) ||
                   msg_set(&msg->models_dir, daemon->models_dir) ||
                   msg_set(&msg->weights_file, training->preparation.weights_file) ||
                   msg_set(&msg->notice, *training->preparation.notice.text ? training->preparation.notice.text : NULL)
               ? -1
               : 0;
}

static int start_worker(struct training *training, struct err *err)
{
    struct child_events events = { .arg = training, .message = on_message, .ended = on_ended };
    struct msg msg;
    if (!(training->child = daemon_start_worker(training->owner->daemon, "worker", &events, err)))
        return -1;
    training->state = TRAINING_RUNNING;
    int result = fill_worker_train(training, &msg) ? err_set(err, "no memory to start a training")
                                                   : child_send(training->child, &msg, err);
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
    struct training *training = trainings->first;
    (void)fd;
    (void)what;
    if (!training || training->state != TRAINING_PREPARING)
        return;
    progress_download(trainings->daemon, &training->request, &training->preparation, &training->downloaded);
    arm_news(trainings);
}

static void prepare_done(void *arg, int result, const struct err *err)
{
    struct training *training = arg;
    struct trainings *trainings = training->owner;
    struct err why = *err;
    training->work = NULL;
    if (!result && *training->preparation.notice.text) {
        log_warn("training '%s': %s", training->request.model_name, training->preparation.notice.text);
        progress_send(trainings->daemon, &training->request, NULL, training->preparation.notice.text);
    }
    if (training->preparation.fetches_dataset)
        daemon_refresh_dataset(trainings->daemon);
    if (!result && !training->cancelled && !training->has_outcome && !start_worker(training, &why))
        return;
    fail(training, why.text);
    if (training->child) { /* it was started but not told what to do: `ended` cleans up */
        child_kill(training->child);
        return;
    }
    forget(training);
    start_next(trainings);
}

static int prepare_run(void *arg, const atomic_bool *stop, struct err *err)
{
    struct training *training = arg;
    return preparation_run(&training->preparation, stop, err);
}

static int prepare(struct training *training, struct err *err)
{
    struct daemon *daemon = training->owner->daemon;
    if (preparation_init(&training->preparation, daemon, training->request.model_type, &training->request.options, err))
        return -1;
    training->state = TRAINING_PREPARING;
    arm_news(training->owner);
    if (!(training->work = thread_pool_submit(daemon->pool, NO_LANE, prepare_run, prepare_done, training)))
        return err_set(err, "no memory to start a training");
    return 0;
}

static void start_next(struct trainings *trainings)
{
    struct training *training;
    while (!trainings->daemon->stopping && (training = trainings->first) && training->state == TRAINING_WAITING) {
        struct err err = ERR_INIT;
        if (!prepare(training, &err))
            return;
        fail(training, err.text);
        forget(training);
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
        bool found = train_option_by_name(member->string);
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

static struct training *find(const struct trainings *trainings, const char *train_key)
{
    for (struct training *training = trainings->first; training; training = training->next)
        if (!strcmp(training->request.train_key, train_key))
            return training;
    return NULL;
}

void trainings_request(struct trainings *trainings, struct msg *msg, const char *text, size_t len)
{
    struct err err = ERR_INIT;
    if (!msg->train_key) {
        daemon_send_error(trainings->daemon, NULL, NULL, "SERVER TRAIN needs a train_key");
        return;
    }
    const struct msg *outcome = outbox_find(trainings->daemon->outbox, msg->train_key);
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
    struct training *training = *err.text ? NULL : calloc(1, sizeof *training);
    if (!training) {
        fail_request(trainings, msg, *err.text ? err.text : "no memory", false);
        return;
    }
    training->owner = trainings;
    training->request = *msg;
    msg_init(msg, MSG_SERVER_TRAIN); /* what it pointed to is the job's now */
    struct training **end = &trainings->first;
    while (*end)
        end = &(*end)->next;
    *end = training;
    trainings->count++;
    log_info("training '%s' (%s) was asked for", training->request.model_name, training->request.train_key);
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
        const char *training = text_of(object, "job"), *model = text_of(object, "modelName");
        msg_init(&request, MSG_SERVER_TRAIN);
        if (cJSON_IsNumber(generation) && generation->valuedouble >= 0)
            request.generation = generation->valueint;
        if (!msg_set(&request.train_key, key) &&
            !msg_set(&request.job, training && name_is_key(training) ? training : NULL) &&
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
        daemon_send_error(trainings->daemon, NULL, NULL, "SERVER CANCEL needs a train_key");
        return;
    }
    struct training *training = find(trainings, msg->train_key);
    const struct msg *outcome = outbox_find(trainings->daemon->outbox, msg->train_key);
    if (!training && outcome) {
        deliver(trainings, outcome);
        return;
    }
    if (!training) {
        /* Told but not kept: it is no outcome of anything that was done here. */
        struct msg failure;
        if (!fill_failure(&failure, msg, "the node has no such job", false))
            deliver(trainings, &failure);
        msg_release(&failure);
        return;
    }
    if (training->has_outcome)
        return;
    log_info("training '%s' is to be cancelled", training->request.model_name);
    switch (training->state) {
    case TRAINING_WAITING:
        training->cancelled = true;
        fail(training, "cancelled");
        forget(training);
        break;
    case TRAINING_PREPARING:
        training->cancelled = true;
        work_stop(training->work);
        break;
    case TRAINING_RUNNING:
        /* `cancelled` is only set where it was: a training may complete before it hears of this. */
        msg_init(&cancel, MSG_SERVER_CANCEL);
        cancel.generation = training->request.generation;
        if (msg_set(&cancel.train_key, training->request.train_key) || msg_set(&cancel.job, training->request.job) ||
            child_send(training->child, &cancel, &err)) {
            training->cancelled = true;
            child_kill(training->child);
        }
        msg_release(&cancel);
        arm_kill(trainings);
        break;
    }
}

void trainings_deliver(struct trainings *trainings)
{
    const struct outbox *outbox = trainings->daemon->outbox;
    for (size_t i = 0; i < outbox_count(outbox); i++)
        deliver(trainings, outbox_get(outbox, i));
}

cJSON *trainings_list(const struct trainings *trainings)
{
    cJSON *jobs = cJSON_CreateArray();
    bool complete = jobs && !outbox_list(trainings->daemon->outbox, jobs);
    for (const struct training *training = trainings->first; training && complete; training = training->next) {
        if (training->has_outcome)
            continue;
        cJSON *entry = outbox_entry(&training->request, "running");
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
    for (const struct training *training = trainings->first; training; training = training->next)
        if (!training->has_outcome && !strcmp(training->request.model_name, model))
            return true;
    return false;
}

void trainings_stop(struct trainings *trainings)
{
    char why[128];
    snprintf(why, sizeof why, "node '%s' was stopped", trainings->daemon->config.name);
    for (struct training *training = trainings->first; training; training = training->next) {
        fail(training, why);
        if (training->work)
            work_stop(training->work);
        if (training->child)
            child_kill(training->child);
    }
}

struct trainings *trainings_new(struct daemon *daemon, struct err *err)
{
    struct trainings *trainings = calloc(1, sizeof *trainings);
    if (!trainings || !(trainings->kill_timer = evtimer_new(daemon->base, on_kill_timer, trainings)) ||
        !(trainings->news_timer = evtimer_new(daemon->base, on_news_timer, trainings))) {
        if (trainings && trainings->kill_timer)
            event_free(trainings->kill_timer);
        free(trainings);
        err_set(err, "no memory for trainings");
        return NULL;
    }
    trainings->daemon = daemon;
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
