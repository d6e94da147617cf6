/* See training_run.h. */
#include "training_run.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/net/timer.h"
#include "local_dataset.h"
#include "preparation.h"

#define DOWNLOAD_TOLD_MS 1000 /* between two words about a download */

struct training_run {
    struct daemon *daemon;
    const struct msg *request;
    const struct training_run_events *events;
    void *arg;
    struct preparation preparation;
    struct work *work; /* which prepares; NULL: none */
    bool is_stopped;
    cJSON *dataset; /* the summary of what was fetched */
    struct timer *download_timer;
    int64_t downloaded; /* bytes told last */
    struct child *child;
    struct err failure; /* why the worker was killed before it began; empty: it was not */
};

struct training_run *training_run_new(struct daemon *daemon, const struct msg *request,
                                      const struct training_run_events *events, void *arg)
{
    struct training_run *run = calloc(1, sizeof *run);
    if (run)
        *run = (struct training_run){ .daemon = daemon, .request = request, .events = events, .arg = arg };
    return run;
}

void training_run_free(struct training_run *run)
{
    if (!run)
        return;
    timer_free(run->download_timer);
    cJSON_Delete(run->dataset);
    preparation_release(&run->preparation);
    free(run);
}

/* `message`: what is being done; `notice`: what people should know. Either may be NULL. */
static void tell(const struct training_run *run, const char *message, const char *notice)
{
    struct msg msg;
    int failed = msg_init_about(&msg, MSG_TRAINING_PROGRESS, run->request);
    msg.epoch = 0;
    msg.epochs = run->request->options.epochs;
    if (failed || msg_set(&msg.message, message) || msg_set(&msg.notice, notice))
        log_warn("no memory to tell of '%s'", run->request->train_key);
    else
        run->events->message(run->arg, &msg);
    msg_release(&msg);
}

static void on_download_timer(void *arg)
{
    struct training_run *run = arg;
    const struct preparation *preparation = &run->preparation;
    int64_t size = preparation->part ? fs_size(preparation->part) : -1;
    if (size > 0 && size != run->downloaded) {
        char text[160];
        run->downloaded = size;
        snprintf(text, sizeof text, "fetching '%.80s', %.1f MB so far", preparation->file, (double)size / 1e6);
        tell(run, text, NULL);
    }
    timer_start(run->download_timer, DOWNLOAD_TOLD_MS);
}

static int prepare_work(void *arg, const atomic_bool *stop, struct err *err)
{
    struct training_run *run = arg;
    int result = preparation_run(&run->preparation, stop, err);
    if (run->preparation.fetches_dataset && !*stop)
        run->dataset = local_dataset_look(run->daemon);
    return result;
}

static void on_prepared(void *arg, int result, const struct err *err)
{
    struct training_run *run = arg;
    const struct notices *notices = &run->preparation.notices;
    run->work = NULL;
    timer_stop(run->download_timer);
    for (size_t i = 0; !result && i < notices->count; i++) {
        log_warn("training '%s': %s", run->request->model_name, notices->lines[i]);
        tell(run, NULL, notices->lines[i]);
    }
    if (run->dataset) {
        cJSON_Delete(run->daemon->dataset);
        run->daemon->dataset = run->dataset;
        run->dataset = NULL;
    }
    run->events->prepared(run->arg, result, err);
}

/* After all that is still to be done in the folder of models: a removal that was asked for before this training, and
 * the end of one of its name. */
static int wait_turn(void *arg, const atomic_bool *stop, struct err *err)
{
    (void)arg, (void)stop, (void)err;
    return 0;
}

static void on_turn(void *arg, int result, const struct err *err)
{
    struct training_run *run = arg;
    struct err why = *err;
    run->work = NULL;
    if (!result && run->is_stopped)
        result = err_set(&why, "stopped");
    if (!result && !(run->work = thread_pool_submit(run->daemon->pool, NO_LANE, prepare_work, on_prepared, run)))
        result = err_set(&why, "no memory to start a training");
    if (result)
        on_prepared(run, result, &why);
}

int training_run_prepare(struct training_run *run, struct err *err)
{
    const struct msg *request = run->request;
    assert(!run->work && !run->child);
    if (preparation_init(&run->preparation, run->daemon, request->model_type, &request->options, err))
        return -1;
    if (!(run->download_timer = timer_new(run->daemon->base, on_download_timer, run)) ||
        !(run->work = thread_pool_submit(run->daemon->pool, LANE_MODELS, wait_turn, on_turn, run)))
        return err_set(err, "no memory to start a training");
    timer_start(run->download_timer, DOWNLOAD_TOLD_MS);
    return 0;
}

static void on_message(void *arg, struct msg *msg)
{
    const struct training_run *run = arg;
    run->events->message(run->arg, msg);
}

static void on_ended(void *arg, const char *why)
{
    struct training_run *run = arg;
    assert(run->child);
    run->child = NULL;
    model_work_recover(run->daemon->model_work, run->request->model_name);
    run->events->ended(run->arg, *run->failure.text ? run->failure.text : why);
}

/* WORKER TRAIN is SERVER TRAIN with the real paths. */
static int fill_worker_train(const struct training_run *run, struct msg *msg)
{
    const struct preparation *preparation = &run->preparation;
    int failed = msg_init_about(msg, MSG_WORKER_TRAIN, run->request);
    msg->options = run->request->options;
    msg->threads = run->daemon->config.threads;
    failed = failed || msg_set(&msg->model_type, run->request->model_type) ||
             msg_set(&msg->data_dir, preparation->data_dir) || msg_set(&msg->models_dir, run->daemon->models_dir) ||
             msg_set(&msg->weights_file, preparation->weights_file);
    for (size_t i = 0; i < preparation->notices.count && !failed; i++)
        failed = strings_add(&msg->notices, preparation->notices.lines[i]);
    return failed ? -1 : 0;
}

int training_run_start(struct training_run *run, struct err *err)
{
    struct child_events events = { .arg = run, .message = on_message, .ended = on_ended };
    struct msg msg;
    assert(!run->work && !run->child);
    if (!(run->child = child_start_worker(run->daemon->supervisor, "worker", &events, err)))
        return -1;
    int failed = fill_worker_train(run, &msg) ? err_set(&run->failure, "no memory to start a training")
                                              : child_send(run->child, &msg, &run->failure);
    if (failed)
        child_kill(run->child);
    msg_release(&msg);
    return 0;
}

int training_run_cancel(struct training_run *run)
{
    struct msg msg;
    struct err err = ERR_INIT;
    assert(run->child);
    int result = msg_init_about(&msg, MSG_SERVER_CANCEL, run->request);
    if (!result)
        result = child_send(run->child, &msg, &err);
    msg_release(&msg);
    return result;
}

void training_run_hang_up(struct training_run *run)
{
    assert(run->child);
    child_hang_up(run->child);
}

void training_run_stop(struct training_run *run)
{
    run->is_stopped = true;
    if (run->work)
        work_stop(run->work);
    if (run->child)
        child_kill(run->child);
}
