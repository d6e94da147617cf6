#include "worker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

#define ALIVE_MS 5000
#define HANG_UP_MS 100

static void send(struct worker *worker, struct msg *msg)
{
    network_send(&worker->world->network, worker->link, msg, false);
    msg_release(msg);
}

static void init_about(const struct worker *worker, struct msg *msg, enum msg_type type)
{
    struct msg about;
    msg_init(&about, MSG_SERVER_TRAIN);
    about.generation = worker->generation;
    int failed = msg_set(&about.train_key, worker->train_key) || msg_set(&about.model_name, worker->model) ||
                 msg_set(&about.job, *worker->job ? worker->job : NULL) || msg_init_about(msg, type, &about);
    assert(!failed);
    msg_release(&about);
}

static void finish(struct worker *worker)
{
    if (!worker->process.up)
        return;
    process_end(&worker->process);
    network_close(&worker->world->network, worker->link);
}

static void tell_failed(struct worker *worker, const char *why, bool cancelled)
{
    struct msg msg;
    worker->told = true;
    init_about(worker, &msg, MSG_TRAINING_FAILED);
    msg.cancelled = cancelled;
    msg_set(&msg.message, why);
    send(worker, &msg);
}

static cJSON *result_of(const struct worker *worker, int64_t epoch)
{
    cJSON *result = cJSON_CreateObject();
    cJSON_AddNumberToObject(result, "epoch", (double)epoch);
    cJSON_AddNumberToObject(result, "train_loss", (double)worker->run);
    return result;
}

static void tell_completed(struct worker *worker)
{
    struct msg msg;
    char text[96];
    worker->told = true;
    init_about(worker, &msg, MSG_TRAINING_COMPLETED);
    snprintf(text, sizeof text, "run %lld", (long long)worker->run);
    msg.data = cJSON_CreateObject();
    cJSON_AddStringToObject(msg.data, "output_contents", text);
    msg.report = cJSON_CreateObject();
    cJSON *results = cJSON_AddArrayToObject(msg.report, "results");
    for (int64_t epoch = 1; epoch <= worker->epochs; epoch++)
        cJSON_AddItemToArray(results, result_of(worker, epoch));
    msg.model_info = cJSON_CreateArray();
    cJSON *info = cJSON_CreateObject();
    cJSON_AddStringToObject(info, "name", worker->model);
    snprintf(text, sizeof text, "%064llx", (unsigned long long)worker->run);
    cJSON_AddStringToObject(info, "sha256", text);
    cJSON_AddItemToArray(msg.model_info, info);
    send(worker, &msg);
}

static void tell_progress(struct worker *worker, bool epoch_ended)
{
    struct msg msg;
    init_about(worker, &msg, MSG_TRAINING_PROGRESS);
    msg.epoch = worker->epoch;
    msg.epochs = worker->epochs;
    msg.batch = worker->batch;
    msg.batches = worker->batches;
    msg.images_per_second = 10;
    if (epoch_ended)
        msg.result = result_of(worker, worker->epoch);
    send(worker, &msg);
}

static void suffer(struct worker *worker)
{
    static const char *const what[] = { "is well", "fails", "crashes", "hangs" };
    trace_line(&worker->world->trace, worker->node, "its worker %s", what[worker->fate]);
    switch (worker->fate) {
    case WORKER_WELL: break;
    case WORKER_FAILS:
        cover(worker->world, COVER_WORKERS_FAILED);
        tell_failed(worker, "the images are bad", false);
        break;
    case WORKER_CRASHES:
        cover(worker->world, COVER_WORKERS_CRASHED);
        finish(worker);
        break;
    case WORKER_HANGS:
        cover(worker->world, COVER_WORKERS_HUNG);
        worker->hangs = true;
        break;
    }
}

static void on_batch(void *arg, void *detail)
{
    struct worker *worker = arg;
    (void)detail;
    if (worker->hangs || worker->told)
        return;
    if ((worker->epoch - 1) * worker->batches + worker->batch == worker->ends_at) {
        suffer(worker);
        if (!worker->process.up || worker->hangs || worker->told)
            return;
    }
    worker->batch++;
    bool epoch_ended = worker->batch == worker->batches;
    tell_progress(worker, epoch_ended);
    if (epoch_ended && worker->epoch == worker->epochs) {
        tell_completed(worker);
        return;
    }
    if (epoch_ended) {
        worker->epoch++;
        worker->batch = 0;
    }
    timeline_after(&worker->world->timeline, worker->batch_ms, &worker->process, on_batch, worker, NULL);
}

static void on_alive(void *arg, void *detail)
{
    struct worker *worker = arg;
    struct msg msg;
    (void)detail;
    if (worker->hangs)
        return;
    msg_init(&msg, MSG_WORKER_ALIVE);
    send(worker, &msg);
    timeline_after(&worker->world->timeline, ALIVE_MS, &worker->process, on_alive, worker, NULL);
}

/* Of its node: only SERVER CANCEL. */
static void on_message(void *arg, struct conn_end *end, struct msg *msg, const char *text, size_t len)
{
    struct worker *worker = arg;
    (void)end, (void)text, (void)len;
    assert(msg->type == MSG_SERVER_CANCEL);
    if (worker->hangs || worker->told || worker->ignores_cancel)
        return;
    tell_failed(worker, "cancelled", true);
}

static void on_hang_up(void *arg, void *detail)
{
    struct worker *worker = arg;
    (void)detail;
    if (!worker->hangs && !worker->lingers)
        finish(worker);
}

/* Its node never closes its end: it hangs up. */
static void on_closed(void *arg, struct conn_end *end, const char *why)
{
    (void)arg, (void)end, (void)why;
    assert(false);
}

static void draw_fate(struct worker *worker)
{
    const struct scenario *scenario = &worker->world->scenario;
    struct rng *rng = &worker->world->rng;
    bool well = worker->world->heals;
    worker->batches = rng_range(rng, 1, 4);
    worker->batch_ms = rng_scale(rng, 50, well ? 2000 : scenario->epoch_max_ms);
    worker->ends_at = rng_range(rng, 0, worker->epochs * worker->batches - 1);
    worker->fate = rng_one_in(rng, scenario->worker_fails)     ? WORKER_FAILS
                   : rng_one_in(rng, scenario->worker_crashes) ? WORKER_CRASHES
                   : rng_one_in(rng, scenario->worker_hangs)   ? WORKER_HANGS
                                                               : WORKER_WELL;
    worker->lingers = rng_one_in(rng, scenario->worker_ignores_cancel) && !well;
    worker->ignores_cancel = rng_one_in(rng, scenario->worker_ignores_cancel) && !well;
    if (well)
        worker->fate = WORKER_WELL;
}

void worker_start(struct worker *worker, struct world *world, const char *node, const struct msg *request,
                  const struct conn_events *events, void *arg, const struct process *node_process)
{
    static const struct conn_events own = { .message = on_message, .closed = on_closed };
    assert(!worker->process.up);
    struct process process = worker->process;
    *worker = (struct worker){ .world = world, .process = process, .generation = request->generation };
    snprintf(worker->node, sizeof worker->node, "%s", node);
    snprintf(worker->train_key, sizeof worker->train_key, "%s", request->train_key);
    snprintf(worker->model, sizeof worker->model, "%s", request->model_name);
    snprintf(worker->job, sizeof worker->job, "%s", request->job ? request->job : "");
    worker->epochs = request->options.epochs;
    worker->epoch = 1;
    process_start(&worker->process);
    struct conn *conn = network_connect(&world->network);
    conn->local = true;
    worker->link = &conn->ends[0];
    conn_end_bind(worker->link, &own, worker, &worker->process);
    conn_end_bind(&conn->ends[1], events, arg, node_process);
    worker->run = world_training_starts(world, node, worker->train_key, worker->generation);
    draw_fate(worker);
    timeline_after(&world->timeline, rng_range(&world->rng, 10, 1000), &worker->process, on_batch, worker, NULL);
    timeline_after(&world->timeline, ALIVE_MS, &worker->process, on_alive, worker, NULL);
}

void worker_ask_to_end(struct worker *worker)
{
    struct msg msg;
    if (!worker->process.up)
        return;
    msg_init(&msg, MSG_SERVER_CANCEL);
    msg_set(&msg.train_key, worker->train_key);
    network_send(&worker->world->network, worker->link->peer, &msg, false);
    msg_release(&msg);
}

void worker_hang_up(struct worker *worker)
{
    int64_t delay = rng_range(&worker->world->rng, 0, HANG_UP_MS);
    if (worker->process.up)
        timeline_after(&worker->world->timeline, delay, &worker->process, on_hang_up, worker, NULL);
}

void worker_kill(struct worker *worker)
{
    finish(worker);
}
