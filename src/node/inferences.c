/* The queue of inference requests and the worker that answers them. */
#include "inferences.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "dcls/base/clock.h"
#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/net/timer.h"
#include "fetch.h"
#include "daemon.h"
#include "local_dataset.h"
#include "model_folder.h"
#include "silence.h"

#define REQUESTS_MAX 1024
#define WAIT_MS 20000   /* the broker has given up after 15 s */
#define ANSWER_MS 60000 /* a worker that is at one image for so long is stuck */
#define SILENT_MS 15000 /* and one that gives no sign of life, whether it has one or not */
#define TICK_MS 1000

enum request_state { REQUEST_LOOKING, REQUEST_FETCHING, REQUEST_READY, REQUEST_SENT };

struct inference {
    struct inferences *owner;
    struct msg msg;
    enum request_state state;
    struct work *work;
    char *api;
    char *image_file;
    bool is_scratch;           /* image_file is ours to remove */
    struct local_model *found; /* where it was looked for; NULL: it is not there */
    int64_t since_ms;
    STAILQ_ENTRY(inference) queued;
};

struct inferences {
    struct daemon *daemon;
    STAILQ_HEAD(inference_queue, inference) queue;
    int count;
    struct child *child;
    struct silence silence; /* the child's */
    bool was_silent;        /* it was killed for that */
    struct timer *tick;
    int64_t counter; /* names scratch files */
};

static void request_free(struct inference *request)
{
    if (request->is_scratch)
        unlink(request->image_file);
    free(request->image_file);
    local_model_drop(request->found);
    free(request->api);
    msg_release(&request->msg);
    free(request);
}

static void forget(struct inference *request)
{
    struct inferences *inferences = request->owner;
    STAILQ_REMOVE(&inferences->queue, request, inference, queued);
    inferences->count--;
    request_free(request);
}

static void refuse(struct inference *request, const char *why)
{
    uplink_send_error(request->owner->daemon->link, request->msg.inference_key, NULL, why);
    forget(request);
}

static struct inference *find(const struct inferences *inferences, enum request_state state)
{
    struct inference *request = STAILQ_FIRST(&inferences->queue);
    while (request && request->state != state)
        request = STAILQ_NEXT(request, queued);
    return request;
}

static void pump(struct inferences *inferences);

static void on_answer(void *arg, struct msg *msg)
{
    struct inferences *inferences = arg;
    struct inference *request = find(inferences, REQUEST_SENT);
    silence_end(&inferences->silence, clock_ms());
    if (msg->type == MSG_WORKER_ALIVE)
        return;
    if (!request || !msg->inference_key || strcmp(msg->inference_key, request->msg.inference_key) ||
        (msg->type != MSG_JSON_RESPONSE && msg->type != MSG_ERROR)) {
        log_warn("the worker answered with an unasked %s", msg_type_name(msg->type));
        return;
    }
    if (uplink_send(inferences->daemon->link, msg, NULL) && uplink_is_up(inferences->daemon->link)) {
        refuse(request, "the inference report is too long to send");
        pump(inferences);
        return;
    }
    forget(request);
    pump(inferences);
}

static void on_ended(void *arg, const char *why)
{
    struct inferences *inferences = arg;
    struct inference *request = find(inferences, REQUEST_SENT);
    char silent[80];
    snprintf(silent, sizeof silent, "inference worker did not answer for %d s", SILENT_MS / 1000);
    if (inferences->was_silent)
        why = silent;
    inferences->child = NULL;
    inferences->was_silent = false;
    log_warn("%s", why);
    if (request)
        refuse(request, why);
    pump(inferences);
}

static int send_request(struct inferences *inferences, struct inference *request, struct err *err)
{
    const struct daemon *daemon = inferences->daemon;
    struct msg msg;
    if (!inferences->child) {
        struct child_events events = { .arg = inferences, .message = on_answer, .ended = on_ended };
        if (!(inferences->child = child_start_worker(daemon->supervisor, "inference worker", &events, err)))
            return -1;
        silence_end(&inferences->silence, clock_ms());
    }
    msg_init(&msg, MSG_WORKER_INFERENCE);
    msg.threads = daemon->config.threads;
    bool failed = msg_set(&msg.inference_key, request->msg.inference_key) ||
                  msg_set(&msg.model_name, request->msg.model_name) ||
                  msg_set(&msg.image_path, request->msg.image_path) || msg_set(&msg.image_file, request->image_file) ||
                  msg_set(&msg.models_dir, daemon->models_dir);
    int result = failed ? err_set(err, "no memory for an inference") : child_send(inferences->child, &msg, err);
    msg_release(&msg);
    return result;
}

/* Gives the worker its next image. One at a time: what waits behind a request that kills it stays answerable. */
static void pump(struct inferences *inferences)
{
    struct inference *request;
    while (!inferences->daemon->stopping && !find(inferences, REQUEST_SENT) &&
           (request = find(inferences, REQUEST_READY))) {
        struct err err = ERR_INIT;
        if (send_request(inferences, request, &err)) {
            refuse(request, err.text);
            continue;
        }
        request->state = REQUEST_SENT;
        request->since_ms = clock_ms();
    }
    if (!STAILQ_EMPTY(&inferences->queue))
        timer_start(inferences->tick, TICK_MS);
    else if (inferences->child)
        timer_start(inferences->tick, SILENCE_LOOK_MS);
}

static void on_tick(void *arg)
{
    struct inferences *inferences = arg;
    int64_t now = clock_ms();
    if (inferences->child && silence_look(&inferences->silence, now) >= SILENT_MS) {
        inferences->was_silent = true;
        child_kill(inferences->child);
    }
    for (struct inference *request = STAILQ_FIRST(&inferences->queue), *next; request; request = next) {
        next = STAILQ_NEXT(request, queued);
        int64_t age = now - request->since_ms;
        if (request->state == REQUEST_SENT && age > ANSWER_MS && inferences->child)
            child_kill(inferences->child);
        else if (request->state == REQUEST_READY && age > WAIT_MS)
            refuse(request, "the node is busy: the inference waited too long");
        else if (request->work && age > WAIT_MS)
            work_stop(request->work);
    }
    pump(inferences);
}

static int fetch_run(void *arg, const atomic_bool *stop, struct err *err)
{
    const struct inference *request = arg;
    if (request->msg.image_sha256)
        return fetch_uploaded_image(request->api, request->msg.image_sha256, request->image_file, stop, err);
    return fetch_image(request->api, request->msg.image_path, request->image_file, stop, err);
}

static void fetch_done(void *arg, int result, const struct err *err)
{
    struct inference *request = arg;
    struct inferences *inferences = request->owner;
    assert(request->state == REQUEST_FETCHING && request->work);
    if (result) {
        struct err why = *err;
        err_prefix(&why, "image '%s' cannot be fetched", request->msg.image_path);
        refuse(request, why.text);
    } else {
        request->state = REQUEST_READY;
        request->work = NULL;
    }
    pump(inferences);
}

static int start_fetch(struct inference *request, struct err *err)
{
    struct inferences *inferences = request->owner;
    const char *api = uplink_api(inferences->daemon->link);
    if (!api)
        return err_set(err, "image '%s' not found", request->msg.image_path);
    if (asprintf(&request->image_file, "%s/%lld", inferences->daemon->scratch_dir, (long long)++inferences->counter) <
        0) {
        request->image_file = NULL;
        return err_set(err, "no memory for an image");
    }
    request->is_scratch = true;
    request->api = strdup(api);
    request->state = REQUEST_FETCHING;
    if (!request->api ||
        !(request->work = thread_pool_submit(inferences->daemon->pool, NO_LANE, fetch_run, fetch_done, request)))
        return err_set(err, "no memory for an image");
    return 0;
}

/* The part of a virtual path below the image root; NULL where it is none. */
static const char *below_images(const char *path)
{
    if (!strncmp(path, "./", 2))
        path += 2;
    return strncmp(path, "images/", 7) ? NULL : path + 7;
}

static int find_image(struct inference *request, struct err *err)
{
    const char *root = local_dataset_root(request->owner->daemon);
    const char *below = below_images(request->msg.image_path);
    if (request->msg.image_sha256)
        return start_fetch(request, err);
    if (!below)
        return err_set(err, "image '%s' does not lie below 'images/'", request->msg.image_path);
    if (root && (request->image_file = fs_resolve(root, below, NULL))) {
        request->state = REQUEST_READY;
        return fs_is_file(request->image_file) ? 0 : err_set(err, "'%s' is no file", request->msg.image_path);
    }
    return start_fetch(request, err);
}

/* Its model was looked for: what it needs beside. */
static void go_on(struct inference *request)
{
    const struct daemon *daemon = request->owner->daemon;
    const struct msg *msg = &request->msg;
    struct err err = ERR_INIT;
    model_store_require(daemon->model_store, msg->model_name, msg->model_sha256, daemon->config.name, &err);
    if (*err.text || find_image(request, &err))
        refuse(request, err.text);
}

static int look_run(void *arg, const atomic_bool *stop, struct err *err)
{
    struct inference *request = arg;
    const char *dir = request->owner->daemon->models_dir;
    return model_folder_read(dir, request->msg.model_name, NULL, NULL, stop, &request->found, err) > MODEL_MISSING;
}

static void look_done(void *arg, int result, const struct err *err)
{
    struct inference *request = arg;
    struct inferences *inferences = request->owner;
    const struct daemon *daemon = inferences->daemon;
    const char *name = request->msg.model_name;
    assert(request->state == REQUEST_LOOKING && request->work);
    request->work = NULL;
    if (result)
        log_warn("model '%s' is passed over: %s", name, err->text);
    /* It may have been removed since it was read. */
    if (request->found && !model_store_find(daemon->model_store, name) &&
        model_folder_has(daemon->models_dir, request->found)) {
        model_store_take(daemon->model_store, name, request->found);
        request->found = NULL;
    }
    go_on(request);
    pump(inferences);
}

void inferences_request(struct inferences *inferences, struct msg *msg)
{
    const struct daemon *daemon = inferences->daemon;
    const char *busy = NULL;
    char why[80];
    assert(msg->type == MSG_SERVER_INFERENCE && msg->inference_key && msg->model_name && msg->image_path);
    if (inferences->count >= REQUESTS_MAX) {
        snprintf(why, sizeof why, "the node is busy: %d inferences wait", REQUESTS_MAX);
        busy = why;
    }
    struct inference *request = busy ? NULL : calloc(1, sizeof *request);
    if (!request) {
        uplink_send_error(daemon->link, msg->inference_key, NULL, busy ? busy : "no memory");
        return;
    }
    request->owner = inferences;
    request->since_ms = clock_ms();
    request->msg = *msg;
    msg_init(msg, MSG_SERVER_INFERENCE); /* what it pointed to is the request's now */
    STAILQ_INSERT_TAIL(&inferences->queue, request, queued);
    inferences->count++;
    /* A model may have been put into the folder by hand since it was looked through. */
    bool is_known = model_store_find(daemon->model_store, request->msg.model_name);
    if (is_known)
        go_on(request);
    else if (!(request->work = thread_pool_submit(daemon->pool, NO_LANE, look_run, look_done, request)))
        refuse(request, "no memory to look for a model");
    pump(inferences);
}

int inferences_waiting(const struct inferences *inferences)
{
    return inferences->count - (find(inferences, REQUEST_SENT) ? 1 : 0);
}

struct inferences *inferences_new(struct daemon *daemon, struct err *err)
{
    struct inferences *inferences = calloc(1, sizeof *inferences);
    if (!inferences || !(inferences->tick = timer_new(daemon->base, on_tick, inferences))) {
        free(inferences);
        err_set(err, "no memory for inferences");
        return NULL;
    }
    inferences->daemon = daemon;
    STAILQ_INIT(&inferences->queue);
    /* What a killed process left behind. */
    if (fs_remove_tree(daemon->scratch_dir, err) || fs_make_dirs(daemon->scratch_dir, err)) {
        inferences_free(inferences);
        return NULL;
    }
    return inferences;
}

void inferences_free(struct inferences *inferences)
{
    if (!inferences)
        return;
    while (!STAILQ_EMPTY(&inferences->queue))
        forget(STAILQ_FIRST(&inferences->queue));
    timer_free(inferences->tick);
    free(inferences);
}
