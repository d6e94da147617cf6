/* See training_core.h. */
#include "training_core.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dcls/proto/json.h"

struct training_core_config training_core_config(const char *name, const char *instance)
{
    return (struct training_core_config){ .name = name,
                                          .instance = instance,
                                          .tell_ms = 10000,
                                          .silent_ms = 15000,
                                          .lost_ms = 120000,
                                          .end_ms = 10000,
                                          .outcome = {
                                              .keep_first_ms = 500, .keep_last_ms = 30000, .tell_again_ms = 60000 } };
}

struct training_core *training_core_new(const struct training_core_config *config)
{
    struct training_core *core = calloc(1, sizeof *core);
    if (!core)
        return NULL;
    core->config = *config;
    STAILQ_INIT(&core->queue);
    outcomes_init(&core->outcomes, &config->outcome);
    msg_init(&core->told, MSG_TRAINING_PROGRESS);
    return core;
}

void training_core_free(struct training_core *core)
{
    if (!core)
        return;
    while (!STAILQ_EMPTY(&core->queue))
        training_forget(core, STAILQ_FIRST(&core->queue));
    outcomes_release(&core->outcomes);
    msg_release(&core->told);
    free(core);
}

/* The run */

bool training_core_prepared(struct training_core *core, const char *failure, int64_t now)
{
    struct training *training = run_of(core);
    assert(training && core->run == RUN_FETCHES);
    if (failure)
        training_fail(core, training, failure, false, now);
    if (training->state == TRAINING_ENDING) {
        run_is_over(core);
        return false;
    }
    core->run = RUN_IS_READY;
    return true;
}

void training_core_ended(struct training_core *core, const char *why, int64_t now)
{
    struct training *training = run_of(core);
    assert(training && core->run == RUN_WORKS);
    bool was_killed = *core->killed_why;
    training_fail(core, training, was_killed ? core->killed_why : why, was_killed && core->is_cancelled, now);
    run_is_over(core);
}

static bool is_about(const struct training *training, const struct msg *msg)
{
    return msg->train_key && !strcmp(msg->train_key, training->request.train_key) &&
           msg->generation == training->request.generation;
}

static enum training_word take_progress(struct training_core *core, struct training *training, struct msg *msg,
                                        int64_t now)
{
    bool says_more = msg->message || msg->batch >= 0 || msg->result; /* than a notice */
    training->epoch = msg->epoch;
    if (msg->epochs > 0)
        training->epochs = msg->epochs;
    if (says_more)
        training_set_message(training, msg->message);
    if (core->link != TRAINING_LINK_UP || msg_set(&msg->instance, core->config.instance))
        return TRAINING_WORD_TAKEN;
    if (says_more)
        training->tell = false;
    training->session = core->session;
    training->told_ms = now;
    return TRAINING_WORD_PASS_ON;
}

enum training_word training_core_message(struct training_core *core, struct msg *msg, int64_t now)
{
    struct training *training = run_of(core);
    struct err err = ERR_INIT;
    assert(training);
    silence_end(&core->silence, now);
    if (core->is_silent) {
        core->is_silent = false;
        training->tell = true;
    }
    if (msg->type == MSG_WORKER_ALIVE)
        return TRAINING_WORD_TAKEN;
    if (!is_about(training, msg))
        return TRAINING_WORD_UNASKED;
    if (training->state == TRAINING_ENDING)
        return TRAINING_WORD_TAKEN;
    if (msg->type == MSG_TRAINING_PROGRESS)
        return take_progress(core, training, msg, now);
    if (training->state != TRAINING_RUNNING)
        return TRAINING_WORD_UNASKED;
    switch (msg->type) {
    case MSG_TRAINING_COMPLETED:
        if (outcome_complete(training->outcome, msg, &err))
            training_fail(core, training, err.text, false, now);
        else
            training_conclude(core, training, now);
        break;
    case MSG_TRAINING_FAILED:
        training_fail(core, training, msg->message ? msg->message : "the worker did not say why", msg->cancelled == 1,
                      now);
        break;
    default: return TRAINING_WORD_UNASKED;
    }
    run_demand(core, RUN_IS_HUNG_UP, now);
    return TRAINING_WORD_TAKEN;
}

/* The broker's requests */

static struct training *find(const struct training_core *core, const char *train_key, int64_t generation)
{
    struct training *training = STAILQ_FIRST(&core->queue);
    while (training && (training->state == TRAINING_ENDING || training->request.generation != generation ||
                        strcmp(training->request.train_key, train_key)))
        training = STAILQ_NEXT(training, queued);
    return training;
}

/* The latest generation of a key that is waiting or on; NULL: none. */
static struct training *newest(const struct training_core *core, const char *train_key)
{
    struct training *best = NULL;
    struct training *training = STAILQ_FIRST(&core->queue);
    for (; training; training = STAILQ_NEXT(training, queued))
        if (training->state != TRAINING_ENDING && !strcmp(training->request.train_key, train_key) &&
            (!best || training->request.generation > best->request.generation))
            best = training;
    return best;
}

static const char *stop_reason(const struct training_core *core, char *why, size_t size)
{
    snprintf(why, size, "node '%s' was stopped", core->config.name);
    return why;
}

static void answer_in_passing(struct training_core *core, const struct msg *about, const char *why)
{
    struct outcome *outcome = outcome_new(about, core->config.name, core->config.instance);
    if (!outcome)
        return; /* whoever asked has a deadline */
    (void)msg_set(&outcome->msg.message, why);
    outcomes_pass(&core->outcomes, outcome);
}

int training_core_load(struct training_core *core, struct msg *msg)
{
    struct outcome *outcome = outcome_new(msg, NULL, NULL);
    if (!outcome)
        return -1;
    struct msg failure = outcome->msg;
    outcome->msg = *msg;
    *msg = failure;
    if (outcomes_find(&core->outcomes, outcome->token))
        outcome_free(outcome);
    else
        outcomes_add(&core->outcomes, outcome, true, 0);
    return 0;
}

/* Ends one without an outcome. */
static void supersede(struct training_core *core, struct training *training, int64_t now)
{
    training->is_superseded = true;
    training_set_state(training, TRAINING_ENDING);
    training_abort(core, training, now);
}

/* True where what is known of that training already answers the request for it. */
static bool answer_from_what_is_known(struct training_core *core, const struct msg *request, int64_t now)
{
    char token[OUTCOME_TOKEN_SIZE];
    outcome_token(token, request->train_key, request->generation);
    struct outcome *outcome = outcomes_find(&core->outcomes, token);
    struct training *training = find(core, request->train_key, request->generation);
    if (outcome) {
        outcome_tell_again(outcome);
        return true;
    }
    if (training) {
        training->tell = true;
        return true;
    }
    outcome = outcomes_newest(&core->outcomes, request->train_key);
    training = newest(core, request->train_key);
    if ((outcome && outcome->msg.generation > request->generation) ||
        (training && training->request.generation > request->generation)) {
        answer_in_passing(core, request, "superseded: a later attempt is known here");
        return true;
    }
    if (training)
        supersede(core, training, now);
    return false;
}

bool training_core_request(struct training_core *core, struct msg *request, const char *refusal, int64_t now)
{
    char why[128];
    assert(request->train_key && (refusal || request->model_name));
    if (answer_from_what_is_known(core, request, now))
        return false;
    struct training *training = calloc(1, sizeof *training);
    struct outcome *outcome = outcome_new(request, core->config.name, core->config.instance);
    if (!training || !outcome) {
        free(training);
        outcome_free(outcome);
        return false; /* nor can that be said: whoever asked has a deadline */
    }
    training->request = *request;
    training->outcome = outcome;
    training->epochs = request->options.epochs;
    msg_init(request, MSG_SERVER_TRAIN);
    STAILQ_INSERT_TAIL(&core->queue, training, queued);
    core->count++;
    training_set_message(training, "waits for the training before it");
    if (!refusal && core->stopping)
        refusal = stop_reason(core, why, sizeof why);
    if (!refusal && core->count > TRAININGS_MAX) {
        snprintf(why, sizeof why, "the node is busy: %d trainings wait", TRAININGS_MAX);
        refusal = why;
    }
    if (!refusal)
        return true;
    training_fail(core, training, refusal, false, now);
    training_abort(core, training, now);
    return false;
}

static void cancel(struct training_core *core, struct training *training, int64_t now)
{
    if (training->state == TRAINING_RUNNING) {
        /* Not cancelled yet: it may be complete before its worker hears of this. */
        run_demand(core, RUN_IS_ASKED, now);
        return;
    }
    training_fail(core, training, "cancelled", true, now);
    training_abort(core, training, now);
}

void training_core_cancel(struct training_core *core, const struct msg *request, int64_t now)
{
    char token[OUTCOME_TOKEN_SIZE];
    bool any = request->generation < 0;
    outcome_token(token, request->train_key, request->generation);
    struct training *training =
        any ? newest(core, request->train_key) : find(core, request->train_key, request->generation);
    struct outcome *outcome =
        any ? outcomes_newest(&core->outcomes, request->train_key) : outcomes_find(&core->outcomes, token);
    if (training)
        cancel(core, training, now);
    else if (outcome)
        outcome_tell_again(outcome);
    else
        answer_in_passing(core, request, "the node has no such job");
}

void training_core_acknowledge(struct training_core *core, const struct msg *ack)
{
    if (ack->generation < 0) {
        outcomes_acknowledge(&core->outcomes, ack->train_key);
        return;
    }
    char token[OUTCOME_TOKEN_SIZE];
    outcome_token(token, ack->train_key, ack->generation);
    struct outcome *outcome = outcomes_find(&core->outcomes, token);
    if (outcome)
        outcome_acknowledge(outcome);
}

void training_core_stop(struct training_core *core, int64_t now)
{
    char why[128];
    core->stopping = true;
    stop_reason(core, why, sizeof why);
    for (struct training *training = STAILQ_FIRST(&core->queue), *next; training; training = next) {
        next = STAILQ_NEXT(training, queued);
        training_fail(core, training, why, false, now);
        training_abort(core, training, now);
    }
}

/* The link and the disk */

void training_core_link(struct training_core *core, enum training_link link)
{
    core->link = link;
    core->session++;
    outcomes_link(&core->outcomes, link == TRAINING_LINK_DOWN ? 0 : core->session, link == TRAINING_LINK_LEGACY);
}

void training_core_sent(struct training_core *core, const char *token)
{
    struct outcome *outcome = outcomes_find(&core->outcomes, token);
    if (outcome && core->link == TRAINING_LINK_LEGACY)
        outcome_acknowledge(outcome);
}

void training_core_kept(struct training_core *core, struct outcome *outcome, bool kept, int64_t now)
{
    outcomes_kept(&core->outcomes, outcome, kept, now);
}

/* What there is */

cJSON *training_core_list(const struct training_core *core)
{
    cJSON *jobs = cJSON_CreateArray();
    bool complete = jobs && !outcomes_list(&core->outcomes, jobs);
    const struct training *training = STAILQ_FIRST(&core->queue);
    for (; training && complete; training = STAILQ_NEXT(training, queued))
        complete = training->state == TRAINING_ENDING ||
                   json_append(jobs, outcome_entry(&training->request, core->config.instance, "running"));
    return json_if_whole(jobs, complete);
}

bool training_core_uses(const struct training_core *core, const char *model)
{
    const struct training *training = STAILQ_FIRST(&core->queue);
    for (; training; training = STAILQ_NEXT(training, queued)) {
        bool may_write = training->state != TRAINING_ENDING || training->is_superseded;
        if (may_write && !strcmp(training->request.model_name, model))
            return true;
    }
    return false;
}

int training_core_count(const struct training_core *core)
{
    return core->count;
}

int training_core_waiting(const struct training_core *core)
{
    const struct training *first = STAILQ_FIRST(&core->queue);
    return core->count - (first && first->state != TRAINING_WAITING);
}
