/* Trainings from SERVER TRAIN to their outcome: what is to be done when, and nothing of how. */
#include "trainings.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "daemon.h"
#include "dcls/base/log.h"
#include "dcls/net/timer.h"
#include "outcome.h"
#include "train_request.h"
#include "training_run.h"

#define TRAININGS_MAX 64 /* waiting and running */
#define KILL_MS 10000    /* how long a worker may take to end once asked */

enum queued_state { TRAINING_WAITING, TRAINING_PREPARING, TRAINING_RUNNING };

struct queued_training {
    struct trainings *owner;
    struct msg request; /* SERVER TRAIN */
    enum queued_state state;
    bool cancelled, has_outcome;
    struct training_run *run;
    STAILQ_ENTRY(queued_training) queued;
};

struct trainings {
    struct daemon *daemon;
    STAILQ_HEAD(training_queue, queued_training) queue; /* the one that is on, then those that wait */
    int count;
    struct timer *kill_timer;
};

static void set_state(struct queued_training *training, enum queued_state state)
{
    assert(training == STAILQ_FIRST(&training->owner->queue) && state == training->state + 1);
    training->state = state;
}

static void training_free(struct queued_training *training)
{
    training_run_free(training->run);
    msg_release(&training->request);
    free(training);
}

/* Takes a training off the list of which no event is due any more. */
static void forget(struct queued_training *training)
{
    struct trainings *trainings = training->owner;
    STAILQ_REMOVE(&trainings->queue, training, queued_training, queued);
    trainings->count--;
    training_free(training);
}

static void fail(struct queued_training *training, const char *why)
{
    if (training->has_outcome)
        return;
    training->has_outcome = true;
    outcome_fail(training->owner->daemon, &training->request, training->cancelled ? "cancelled" : why,
                 training->cancelled);
}

static void on_kill_timer(void *arg)
{
    struct trainings *trainings = arg;
    struct queued_training *training = STAILQ_FIRST(&trainings->queue);
    assert(training && training->state == TRAINING_RUNNING);
    log_warn("the worker of '%s' does not end and is killed", training->request.model_name);
    training->cancelled = true; /* it was asked to end by a cancel, or after its outcome */
    training_run_stop(training->run);
}

static void start_next(struct trainings *trainings)
{
    struct queued_training *training;
    while (!trainings->daemon->stopping && (training = STAILQ_FIRST(&trainings->queue)) &&
           training->state == TRAINING_WAITING) {
        struct err err = ERR_INIT;
        if (!training_run_prepare(training->run, &err)) {
            set_state(training, TRAINING_PREPARING);
            return;
        }
        fail(training, err.text);
        forget(training);
    }
}

/* The events of a run */

static void on_prepared(void *arg, int result, const struct err *err)
{
    struct queued_training *training = arg;
    struct trainings *trainings = training->owner;
    struct err why = *err;
    assert(training->state == TRAINING_PREPARING);
    if (!result && !training->cancelled && !training->has_outcome && !training_run_start(training->run, &why)) {
        set_state(training, TRAINING_RUNNING);
        return;
    }
    fail(training, why.text);
    forget(training);
    start_next(trainings);
}

static void on_message(void *arg, struct msg *msg)
{
    struct queued_training *training = arg;
    assert(training->state == TRAINING_RUNNING);
    if (training->has_outcome) {
        log_warn("the worker sent %s after its outcome", msg_type_name(msg->type));
        return;
    }
    switch (msg->type) {
    case MSG_TRAINING_PROGRESS: training_run_forward(training->run, msg); return;
    case MSG_TRAINING_COMPLETED:
        training->has_outcome = true;
        outcome_complete(training->owner->daemon, &training->request, msg);
        break;
    case MSG_TRAINING_FAILED:
        training->cancelled = msg->cancelled == 1;
        fail(training, msg->message ? msg->message : "the worker did not say why");
        break;
    default: log_warn("the worker sent %s", msg_type_name(msg->type)); return;
    }
    training_run_hang_up(training->run);
    timer_start(training->owner->kill_timer, KILL_MS);
}

static void on_ended(void *arg, const char *why)
{
    struct queued_training *training = arg;
    struct trainings *trainings = training->owner;
    assert(training->state == TRAINING_RUNNING);
    timer_stop(trainings->kill_timer);
    fail(training, why);
    forget(training);
    start_next(trainings);
}

/* The broker's requests */

static struct queued_training *find(const struct trainings *trainings, const char *train_key)
{
    struct queued_training *training = STAILQ_FIRST(&trainings->queue);
    while (training && strcmp(training->request.train_key, train_key))
        training = STAILQ_NEXT(training, queued);
    return training;
}

/* Takes what `msg` points to over; it waits then, behind all others. NULL where memory lacks. */
static struct queued_training *add(struct trainings *trainings, struct msg *msg)
{
    static const struct training_run_events events = { .prepared = on_prepared,
                                                       .message = on_message,
                                                       .ended = on_ended };
    struct queued_training *training = calloc(1, sizeof *training);
    if (!training || !(training->run = training_run_new(trainings->daemon, &training->request, &events, training))) {
        free(training);
        return NULL;
    }
    training->owner = trainings;
    training->request = *msg;
    msg_init(msg, MSG_SERVER_TRAIN);
    STAILQ_INSERT_TAIL(&trainings->queue, training, queued);
    trainings->count++;
    return training;
}

void trainings_request(struct trainings *trainings, struct msg *msg, const char *text, size_t len)
{
    struct daemon *daemon = trainings->daemon;
    struct err err = ERR_INIT;
    assert(msg->type == MSG_SERVER_TRAIN && msg->train_key && msg->model_name);
    const struct msg *outcome = outbox_find(daemon->outbox, msg->train_key);
    /* Asked twice, by a broker that lost the first answer: nothing is trained twice. */
    if (outcome) {
        outcome_send(daemon, outcome);
        return;
    }
    if (find(trainings, msg->train_key))
        return;
    int failed = trainings->count >= TRAININGS_MAX ? err_set(&err, "the node is busy: %d trainings wait", TRAININGS_MAX)
                                                   : train_request_check(text, len, &err);
    const struct queued_training *training = failed ? NULL : add(trainings, msg);
    if (!training) {
        outcome_fail(daemon, msg, failed ? err.text : "no memory", false);
        return;
    }
    log_info("training '%s' (%s) was asked for", training->request.model_name, training->request.train_key);
    start_next(trainings);
}

bool trainings_refuse(struct trainings *trainings, const char *text, size_t len, const struct err *why)
{
    struct msg request;
    bool is_training = train_request_keys(text, len, &request);
    if (is_training && !find(trainings, request.train_key))
        outcome_fail(trainings->daemon, &request, why->text, false);
    msg_release(&request);
    return is_training;
}

void trainings_cancel(struct trainings *trainings, const struct msg *msg)
{
    struct daemon *daemon = trainings->daemon;
    struct queued_training *training = find(trainings, msg->train_key);
    const struct msg *outcome = outbox_find(daemon->outbox, msg->train_key);
    if (!training) {
        if (outcome)
            outcome_send(daemon, outcome);
        else
            outcome_unknown(daemon, msg);
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
        training_run_stop(training->run);
        break;
    case TRAINING_RUNNING:
        /* `cancelled` is only set where it was: a training may complete before it hears of this. */
        if (training_run_cancel(training->run)) {
            training->cancelled = true;
            training_run_stop(training->run);
        }
        timer_start(trainings->kill_timer, KILL_MS);
        break;
    }
}

cJSON *trainings_list(const struct trainings *trainings)
{
    cJSON *jobs = cJSON_CreateArray();
    bool complete = jobs && !outbox_list(trainings->daemon->outbox, jobs);
    const struct queued_training *training = STAILQ_FIRST(&trainings->queue);
    for (; training && complete; training = STAILQ_NEXT(training, queued)) {
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
    const struct queued_training *training = STAILQ_FIRST(&trainings->queue);
    for (; training; training = STAILQ_NEXT(training, queued))
        if (!training->has_outcome && !strcmp(training->request.model_name, model))
            return true;
    return false;
}

void trainings_stop(struct trainings *trainings)
{
    char why[128];
    snprintf(why, sizeof why, "node '%s' was stopped", trainings->daemon->config.name);
    struct queued_training *training = STAILQ_FIRST(&trainings->queue);
    for (; training; training = STAILQ_NEXT(training, queued)) {
        fail(training, why);
        training_run_stop(training->run);
    }
}

struct trainings *trainings_new(struct daemon *daemon, struct err *err)
{
    struct trainings *trainings = calloc(1, sizeof *trainings);
    if (!trainings || !(trainings->kill_timer = timer_new(daemon->base, on_kill_timer, trainings))) {
        free(trainings);
        err_set(err, "no memory for trainings");
        return NULL;
    }
    trainings->daemon = daemon;
    STAILQ_INIT(&trainings->queue);
    return trainings;
}

void trainings_free(struct trainings *trainings)
{
    if (!trainings)
        return;
    while (!STAILQ_EMPTY(&trainings->queue))
        forget(STAILQ_FIRST(&trainings->queue));
    timer_free(trainings->kill_timer);
    free(trainings);
}
