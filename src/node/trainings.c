/* See trainings.h: events into the core, and its actions done. */
#include "trainings.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "completion.h"
#include "daemon.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/net/timer.h"
#include "outbox.h"
#include "train_request.h"
#include "training_core.h"
#include "training_run.h"

#define PROGRESS_BACKLOG (256 * 1024) /* bytes under way beyond which batches are not told */

struct trainings {
    struct daemon *daemon;
    struct training_core *core;
    struct outbox *outbox;
    struct training_run *run; /* of the training that is on */
    struct timer *timer;      /* when something is due though nothing happens */
    bool is_pumping;
};

static void pump(struct trainings *trainings);

/* The events of the run and of the disk */

static void on_prepared(void *arg, int result, const struct err *err)
{
    struct trainings *trainings = arg;
    if (!training_core_prepared(trainings->core, result ? err->text : NULL, clock_ms())) {
        training_run_free(trainings->run);
        trainings->run = NULL;
    }
    pump(trainings);
}

static void on_message(void *arg, struct msg *msg)
{
    struct trainings *trainings = arg;
    struct uplink *link = trainings->daemon->link;
    if (msg->type == MSG_TRAINING_COMPLETED)
        completion_describe(trainings->daemon, msg);
    switch (training_core_message(trainings->core, msg, clock_ms())) {
    case TRAINING_WORD_PASS_ON:
        if (msg->result || msg->notice || uplink_backlog(link) < PROGRESS_BACKLOG)
            uplink_send(link, msg, NULL);
        break;
    case TRAINING_WORD_UNASKED: log_warn("the worker sent an unasked %s", msg_type_name(msg->type)); break;
    case TRAINING_WORD_TAKEN: break;
    }
    pump(trainings);
}

static void on_ended(void *arg, const char *why)
{
    struct trainings *trainings = arg;
    struct training_run *run = trainings->run;
    trainings->run = NULL;
    training_core_ended(trainings->core, why, clock_ms());
    training_run_free(run);
    pump(trainings);
}

static int on_found(void *arg, struct msg *msg)
{
    const struct trainings *trainings = arg;
    return training_core_load(trainings->core, msg);
}

static void on_kept(void *arg, struct outcome *outcome, const char *failure)
{
    struct trainings *trainings = arg;
    if (failure)
        log_error("the outcome of '%s' is not kept: %s", outcome->msg.train_key, failure);
    training_core_kept(trainings->core, outcome, !failure, clock_ms());
    pump(trainings);
}

static void on_timer(void *arg)
{
    pump(arg);
}

/* What is to be done */

static void prepare(struct trainings *trainings, const struct msg *request)
{
    static const struct training_run_events events = { .prepared = on_prepared,
                                                       .message = on_message,
                                                       .ended = on_ended };
    struct err err = ERR_INIT;
    assert(!trainings->run);
    trainings->run = training_run_new(trainings->daemon, request, &events, trainings);
    if (!trainings->run)
        err_set(&err, "no memory to start a training");
    else if (!training_run_prepare(trainings->run, &err))
        return;
    on_prepared(trainings, -1, &err);
}

static void start(struct trainings *trainings)
{
    struct err err = ERR_INIT;
    if (training_run_start(trainings->run, &err))
        on_ended(trainings, err.text);
}

static void log_outcome(const struct msg *msg)
{
    const char *name = msg->model_name ? msg->model_name : "";
    if (msg->type == MSG_TRAINING_COMPLETED)
        log_info("training '%s' (%s) is complete", name, msg->train_key);
    else if (msg->cancelled == 1)
        log_info("training '%s' (%s) was cancelled", name, msg->train_key);
    else
        log_warn("training '%s' (%s) failed: %s", name, msg->train_key, msg->message);
}

/* The existing system knows no other word for it. */
static void tell_legacy_failure(struct uplink *link, const struct msg *failed, const char *token)
{
    struct msg msg;
    msg_init(&msg, MSG_ERROR);
    if (asprintf(&msg.message, "training of '%s' failed: %s", failed->model_name ? failed->model_name : "",
                 failed->message) < 0) {
        msg.message = NULL;
        log_error("no memory to send the outcome of '%s'", failed->train_key);
    } else {
        uplink_send(link, &msg, token);
    }
    msg_release(&msg);
}

static void tell(struct trainings *trainings, const struct training_action *action)
{
    struct daemon *daemon = trainings->daemon;
    if (action->msg->type == MSG_TRAINING_FAILED && uplink_is_legacy(daemon->link))
        tell_legacy_failure(daemon->link, action->msg, action->token);
    else
        uplink_send(daemon->link, action->msg, action->token);
    if (action->msg->type == MSG_TRAINING_COMPLETED && action->first)
        completion_announce(daemon, action->msg);
}

static void perform(struct trainings *trainings, const struct training_action *action)
{
    switch (action->kind) {
    case TRAINING_PREPARE: prepare(trainings, action->request); break;
    case TRAINING_START: start(trainings); break;
    case TRAINING_ASK:
        log_info("training '%s' is to be cancelled", action->request->model_name);
        training_run_cancel(trainings->run);
        break;
    case TRAINING_HANG_UP: training_run_hang_up(trainings->run); break;
    case TRAINING_KILL:
        log_info("what is done for training '%s' is ended", action->request->model_name);
        training_run_stop(trainings->run);
        break;
    case TRAINING_KEEP:
        if (action->first)
            log_outcome(action->msg);
        outbox_keep(trainings->outbox, action->outcome);
        break;
    case TRAINING_DROP:
        if (action->given_up)
            log_warn("more than %d outcomes wait for the broker: '%s' is given up", OUTCOMES_MAX, action->token);
        outbox_drop(trainings->outbox, action->token);
        break;
    case TRAINING_TELL: tell(trainings, action); break;
    }
}

/* Does all that is to be done. What happens within is done by the same turn. */
static void pump(struct trainings *trainings)
{
    struct training_action action;
    if (trainings->is_pumping)
        return;
    trainings->is_pumping = true;
    while (training_core_next(trainings->core, clock_ms(), &action))
        perform(trainings, &action);
    trainings->is_pumping = false;
    int64_t now = clock_ms(), due = training_core_due(trainings->core, now);
    timer_stop(trainings->timer);
    if (due < INT64_MAX)
        timer_start(trainings->timer, due > now ? due - now : 0);
}

/* The broker */

void trainings_request(struct trainings *trainings, struct msg *msg, const char *text, size_t len)
{
    struct err err = ERR_INIT;
    assert(msg->type == MSG_SERVER_TRAIN && msg->train_key && msg->model_name);
    log_info("training '%s' (%s) is asked for", msg->model_name, msg->train_key);
    int failed = train_request_check(text, len, &err);
    training_core_request(trainings->core, msg, failed ? err.text : NULL, clock_ms());
    pump(trainings);
}

bool trainings_refuse(struct trainings *trainings, const char *text, size_t len, const struct err *why)
{
    struct msg request;
    bool is_training = train_request_keys(text, len, &request);
    if (is_training)
        training_core_request(trainings->core, &request, why->text, clock_ms());
    msg_release(&request);
    pump(trainings);
    return is_training;
}

void trainings_cancel(struct trainings *trainings, const struct msg *msg)
{
    training_core_cancel(trainings->core, msg, clock_ms());
    pump(trainings);
}

void trainings_acknowledge(struct trainings *trainings, const struct msg *msg)
{
    training_core_acknowledge(trainings->core, msg);
    pump(trainings);
}

void trainings_link(struct trainings *trainings, bool is_up)
{
    enum training_link link = TRAINING_LINK_DOWN;
    if (is_up)
        link = uplink_is_legacy(trainings->daemon->link) ? TRAINING_LINK_LEGACY : TRAINING_LINK_UP;
    training_core_link(trainings->core, link);
    pump(trainings);
}

void trainings_sent(struct trainings *trainings, const char *token)
{
    training_core_sent(trainings->core, token);
    pump(trainings);
}

cJSON *trainings_list(const struct trainings *trainings)
{
    return training_core_list(trainings->core);
}

bool trainings_use(const struct trainings *trainings, const char *model)
{
    return training_core_uses(trainings->core, model);
}

int trainings_waiting(const struct trainings *trainings)
{
    return training_core_waiting(trainings->core);
}

void trainings_stop(struct trainings *trainings)
{
    outbox_hurry(trainings->outbox);
    training_core_stop(trainings->core, clock_ms());
    pump(trainings);
}

struct trainings *trainings_new(struct daemon *daemon, struct err *err)
{
    static const struct outbox_events events = { .found = on_found, .kept = on_kept };
    struct training_core_config config = training_core_config(daemon->config.name, daemon->instance);
    struct trainings *trainings = calloc(1, sizeof *trainings);
    if (!trainings || !(trainings->core = training_core_new(&config)) ||
        !(trainings->timer = timer_new(daemon->base, on_timer, trainings))) {
        err_set(err, "no memory for trainings");
        trainings_free(trainings);
        return NULL;
    }
    trainings->daemon = daemon;
    if ((trainings->outbox = outbox_open(daemon->jobs_dir, daemon->pool, &events, trainings, err)))
        return trainings;
    trainings_free(trainings);
    return NULL;
}

void trainings_free(struct trainings *trainings)
{
    if (!trainings)
        return;
    training_run_free(trainings->run);
    training_core_free(trainings->core);
    outbox_close(trainings->outbox);
    timer_free(trainings->timer);
    free(trainings);
}
