/* Runs the engine's training and tells of it: batches at most five times a second, every epoch, and one outcome. */
#include "training.h"

#include <stdio.h>
#include <string.h>

#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "jobfile.h"
#include "result.h"

#define PROGRESS_INTERVAL_MS 200

struct run {
    struct channel *channel;
    const struct msg *request;
    int64_t sent_ms; /* when a batch was sent last; 0: never */
    int epoch, epochs;
};

/* Not too often. */
static bool is_due(struct run *run)
{
    int64_t now = clock_ms();
    if (run->sent_ms && now - run->sent_ms < PROGRESS_INTERVAL_MS)
        return false;
    run->sent_ms = now;
    return true;
}

/* A lost line ends the job through channel_cancelled, so a failed send needs no more than a word. */
static void send_or_warn(struct run *run, const struct msg *msg, bool failed)
{
    struct err err = ERR_INIT;
    if (failed || channel_send(run->channel, msg, &err))
        log_warn("progress was not sent: %s", *err.text ? err.text : "no memory");
}

static void send_progress(struct run *run, const struct train_progress *progress, const struct epoch_result *result)
{
    struct msg msg;
    int failed = msg_init_about(&msg, MSG_TRAINING_PROGRESS, run->request);
    msg.epoch = run->epoch = progress->epoch;
    msg.epochs = run->epochs = progress->epochs;
    msg.batch = progress->batch;
    msg.batches = progress->batches;
    msg.images_per_second = progress->images_per_second;
    msg.loss = progress->loss;
    msg.accuracy = progress->accuracy;
    if (result)
        msg.result = epoch_result_json(result);
    send_or_warn(run, &msg, failed);
    msg_release(&msg);
}

static void on_opening(void *arg, const char *what, size_t done, size_t total)
{
    struct run *run = arg;
    struct msg msg;
    char text[80];
    if (!is_due(run))
        return;
    int failed = msg_init_about(&msg, MSG_TRAINING_PROGRESS, run->request);
    snprintf(text, sizeof text, "%s %zu of %zu images", what, done, total);
    msg.epoch = msg.epochs = 0;
    send_or_warn(run, &msg, failed || msg_set(&msg.message, text));
    msg_release(&msg);
}

static void on_notice(void *arg, const char *line)
{
    struct run *run = arg;
    struct msg msg;
    int failed = msg_init_about(&msg, MSG_TRAINING_PROGRESS, run->request);
    msg.epoch = run->epoch;
    msg.epochs = run->epochs;
    send_or_warn(run, &msg, failed || msg_set(&msg.notice, line));
    msg_release(&msg);
}

static void on_batch(void *arg, const struct train_progress *progress)
{
    if (is_due(arg))
        send_progress(arg, progress, NULL);
}

static void on_epoch(void *arg, const struct train_progress *progress, const struct epoch_result *result)
{
    send_progress(arg, progress, result);
}

static bool is_cancelled(void *arg)
{
    const struct run *run = arg;
    return channel_cancelled(run->channel);
}

/* Others are told by virtual paths; `err`, which stays on this machine, by the real ones. */
static int send_failed(struct run *run, const char *why, bool cancelled, struct err *err)
{
    const struct msg *request = run->request;
    struct msg msg;
    struct err send_err = ERR_INIT, shown = ERR_INIT;
    int failed = msg_init_about(&msg, MSG_TRAINING_FAILED, request);
    msg.cancelled = cancelled;
    err_set(&shown, "%s", why);
    if (request->weights_file)
        err_rename(&shown, request->weights_file, "weights");
    err_rename(&shown, request->data_dir, "images");
    err_rename(&shown, request->models_dir, "models");
    if (failed || msg_set(&msg.message, shown.text) || channel_send(run->channel, &msg, &send_err))
        log_warn("the failure was not sent: %s", *send_err.text ? send_err.text : "no memory");
    msg_release(&msg);
    return err_set(err, "%s", why);
}

static int send_completed(struct run *run, const char *models_dir, struct err *err)
{
    struct msg msg;
    int result = -1;
    if (msg_init_about(&msg, MSG_TRAINING_COMPLETED, run->request))
        err_set(err, "no memory for the result");
    else if (!result_fill(&msg, models_dir, run->request->model_name, err))
        result = channel_send(run->channel, &msg, err);
    msg_release(&msg);
    return result;
}

int training_run(struct channel *channel, const struct msg *request, struct err *err)
{
    struct run run = { .channel = channel, .request = request };
    struct train_observer observer = { .arg = &run,
                                       .opening = on_opening,
                                       .batch = on_batch,
                                       .epoch = on_epoch,
                                       .cancelled = is_cancelled,
                                       .notice = on_notice };
    struct train_config config;
    struct err why = ERR_INIT;

    if (jobfile_config(request, &config, &why))
        return send_failed(&run, why.text, false, err);
    switch (train_run(&config, &observer, &why)) {
    case TRAIN_CANCELLED: return send_failed(&run, "cancelled", true, err);
    case TRAIN_ERROR: return send_failed(&run, why.text, false, err);
    case TRAIN_DONE: break;
    }
    if (send_completed(&run, config.models_dir, &why))
        return send_failed(&run, why.text, false, err);
    return 0;
}
