/* See outcome.h. */
#include "outcome.h"

#include <assert.h>
#include <stdio.h>

#include "daemon.h"
#include "dcls/base/log.h"

#define CLASSES_MAX (128 * 1024) /* bytes of names beside a report and a log, which must all fit a message */

void outcome_send(const struct daemon *daemon, const struct msg *outcome)
{
    assert(outcome->train_key);
    if (outcome->type != MSG_TRAINING_FAILED || !uplink_is_legacy(daemon->link)) {
        uplink_send(daemon->link, outcome, outcome->train_key);
        return;
    }
    /* The existing system knows no other word for it. */
    struct msg msg;
    msg_init(&msg, MSG_ERROR);
    if (asprintf(&msg.message, "training of '%s' failed: %s", outcome->model_name ? outcome->model_name : "",
                 outcome->message ? outcome->message : "") < 0) {
        msg.message = NULL;
        log_error("no memory to send the outcome of '%s'", outcome->train_key);
    } else {
        uplink_send(daemon->link, &msg, outcome->train_key);
    }
    msg_release(&msg);
}

void outcome_send_all(const struct daemon *daemon)
{
    for (size_t i = 0; i < outbox_count(daemon->outbox); i++)
        outcome_send(daemon, outbox_get(daemon->outbox, i));
}

static void keep_and_send(struct daemon *daemon, struct msg *outcome)
{
    struct err err = ERR_INIT;
    if (!outcome->name)
        msg_set(&outcome->name, daemon->config.name);
    if (outbox_add(daemon->outbox, outcome, &err))
        log_error("the outcome of '%s' is not kept: %s", outcome->train_key, err.text);
    outcome_send(daemon, outcome);
}

static int init_failure(struct msg *outcome, const struct msg *request, const char *why, bool cancelled)
{
    int failed = msg_init_about(outcome, MSG_TRAINING_FAILED, request);
    outcome->cancelled = cancelled;
    return failed ? -1 : msg_set(&outcome->message, why);
}

void outcome_fail(struct daemon *daemon, const struct msg *request, const char *why, bool cancelled)
{
    struct msg outcome;
    const char *name = request->model_name ? request->model_name : "";
    if (cancelled)
        log_info("training '%s' (%s) was cancelled", name, request->train_key);
    else
        log_warn("training '%s' (%s) failed: %s", name, request->train_key, why);
    if (init_failure(&outcome, request, why, cancelled))
        log_error("no memory for the outcome of '%s'", request->train_key);
    else
        keep_and_send(daemon, &outcome);
    msg_release(&outcome);
}

void outcome_unknown(struct daemon *daemon, const struct msg *request)
{
    struct msg outcome;
    if (!init_failure(&outcome, request, "the node has no such job", false))
        outcome_send(daemon, &outcome);
    msg_release(&outcome);
}

static void send_new_model(struct daemon *daemon, const char *name, const cJSON *info)
{
    struct msg msg;
    msg_init(&msg, MSG_NEW_MODEL_ADDED);
    msg.model_info = cJSON_Duplicate(info, true);
    if (!msg_set(&msg.new_model, name) && !model_store_names(daemon->model_store, &msg.models))
        uplink_send(daemon->link, &msg, NULL);
    msg_release(&msg);
}

void outcome_complete(struct daemon *daemon, const struct msg *request, struct msg *outcome)
{
    struct err err = ERR_INIT;
    log_info("training '%s' (%s) is complete", request->model_name, request->train_key);
    model_store_learn(daemon->model_store, cJSON_GetArrayItem(outcome->model_info, 0));
    if (model_store_scan(daemon->model_store, &err))
        log_error("%s", err.text);
    cJSON *info = model_store_entry(daemon->model_store, request->model_name, CLASSES_MAX);
    if (info && !cJSON_ReplaceItemInArray(outcome->model_info, 0, info))
        cJSON_Delete(info);
    keep_and_send(daemon, outcome);
    send_new_model(daemon, request->model_name, outcome->model_info);
}
