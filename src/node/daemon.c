/* Puts a node together: the order of its parts' lives, and which part takes which message. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "dcls/base/clock.h"
#include "dcls/base/fs.h"
#include "dcls/base/fs_lock.h"
#include "dcls/base/log.h"
#include "dcls/net/loop.h"
#include "dcls/proto/json.h"
#include "local_dataset.h"
#include "model_requests.h"
#include "node_info.h"

#define THREADS 6 /* for what may block */
#define WAITING_MAX 1024

/* The link's events */

static int on_greet(void *arg, struct msg *connect)
{
    return node_info_fill_connect(arg, connect);
}

/* At once what is known, as the broker waits for it; and again what is new by then. */
static void tell_models(struct daemon *daemon)
{
    node_info_send(daemon);
    model_work_scan(daemon->model_work);
}

static void on_up(void *arg)
{
    struct daemon *daemon = arg;
    tell_models(daemon);
    trainings_link(daemon->trainings, true);
}

static void on_down(void *arg)
{
    const struct daemon *daemon = arg;
    trainings_link(daemon->trainings, false);
}

static void on_sign(void *arg, struct msg *sign)
{
    node_info_fill_load(arg, sign);
}

static void on_message(void *arg, struct msg *msg, const char *text, size_t len)
{
    struct daemon *daemon = arg;
    char why[128];
    switch (msg->type) {
    case MSG_NODE_INFO: tell_models(daemon); break;
    case MSG_SERVER_TRAIN: trainings_request(daemon->trainings, msg, text, len); break;
    case MSG_SERVER_CANCEL: trainings_cancel(daemon->trainings, msg); break;
    case MSG_SERVER_JOB_ACK: trainings_acknowledge(daemon->trainings, msg); break;
    case MSG_SERVER_INFERENCE: inferences_request(daemon->inferences, msg); break;
    case MSG_GET_JSON: model_request_report(daemon, msg); break;
    case MSG_SERVER_PUSH: model_request_push(daemon, msg); break;
    case MSG_GET_DATASET:
    case MSG_GET_IMAGE:
    case MSG_GET_ANSWERS: views_request(daemon->views, msg); break;
    case MSG_SERVER_REMOVE: model_removals_request(daemon->model_removals, msg); break;
    case MSG_ERROR: log_warn("the broker says: %s", msg->message ? msg->message : ""); break;
    default:
        snprintf(why, sizeof why, "a node does not take %s", msg_type_name(msg->type));
        uplink_send_error(daemon->link, NULL, NULL, why);
    }
}

/* Whoever waits for an answer is told by the keys that could be read. */
static void on_malformed(void *arg, const char *text, size_t len, const struct err *why)
{
    struct daemon *daemon = arg;
    if (trainings_refuse(daemon->trainings, text, len, why))
        return;
    cJSON *object = cJSON_ParseWithLength(text, len);
    const char *type = json_text(object, "type"), *key = json_text(object, "inference_key");
    const char *name = json_text(object, "json_name");
    bool is_error = type && !strcmp(type, msg_type_name(MSG_ERROR)); /* no answer to it: that could go on for ever */
    if (!is_error)
        uplink_send_error(daemon->link, key, name, why->text);
    cJSON_Delete(object);
}

static void on_sent(void *arg, const char *key)
{
    const struct daemon *daemon = arg;
    trainings_sent(daemon->trainings, key);
}

static void on_closed(void *arg)
{
    const struct daemon *daemon = arg;
    event_base_loopbreak(daemon->base);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct daemon *daemon = arg;
    (void)number, (void)what;
    if (daemon->stopping) {
        event_base_loopbreak(daemon->base); /* asked twice */
        return;
    }
    daemon->stopping = true;
    log_info("stopping");
    trainings_stop(daemon->trainings);
    uplink_close(daemon->link);
}

/* Its life */

static int make_paths(struct daemon *daemon, struct err *err)
{
    const char *name = daemon->config.name;
    int failed = daemon->config.models_dir ? !(daemon->models_dir = strdup(daemon->config.models_dir))
                                           : asprintf(&daemon->models_dir, "%s/models", name) < 0;
    if (failed || asprintf(&daemon->jobs_dir, "%s/jobs", name) < 0 ||
        asprintf(&daemon->images_dir, "%s/images", name) < 0 ||
        asprintf(&daemon->manifest_path, "%s/cache/dataset.json", name) < 0 ||
        asprintf(&daemon->weights_dir, "%s/cache/weights", name) < 0 ||
        asprintf(&daemon->scratch_dir, "%s/cache/scratch", name) < 0)
        return err_set(err, "no memory for the node's folders");
    if (fs_make_dirs(name, err))
        return -1;
    if (daemon->config.data_dir && !fs_is_dir(daemon->config.data_dir))
        return err_set(err, "the data folder '%s' is not there", daemon->config.data_dir);
    return 0;
}

/* Two nodes in one folder would take each other's outcomes and models away. */
static int lock_folder(struct daemon *daemon, struct err *err)
{
    char *path = fs_join(daemon->config.name, "lock");
    if (!path)
        return err_set(err, "no memory for the node's folders");
    daemon->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    enum fs_lock lock = daemon->lock_fd < 0 ? FS_LOCK_MISSING : fs_lock(daemon->lock_fd);
    int result = 0;
    if (daemon->lock_fd < 0)
        result = err_set(err, "cannot open '%s': %s", path, strerror(errno));
    else if (lock == FS_LOCK_TAKEN)
        result = err_set(err, "another node uses the folder './%s'", daemon->config.name);
    else if (lock == FS_LOCK_MISSING)
        log_warn("'%s' cannot be locked (%s): nothing keeps another node out of this folder", path, strerror(errno));
    free(path);
    return result;
}

static int make_instance(struct daemon *daemon, struct err *err)
{
    unsigned char random[(INSTANCE_SIZE - 1) / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_set(err, "no random numbers: %s", strerror(errno));
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(daemon->instance + 2 * i, 3, "%02x", random[i]);
    return 0;
}

static int watch_signals(struct daemon *daemon, struct err *err)
{
    static const int numbers[] = { SIGINT, SIGTERM };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        daemon->signals[i] = evsignal_new(daemon->base, numbers[i], on_signal, daemon);
        if (!daemon->signals[i] || event_add(daemon->signals[i], NULL))
            return err_set(err, "cannot watch for signals");
    }
    return 0;
}

static int node_init(struct daemon *daemon, struct err *err)
{
    const struct daemon_config *config = &daemon->config;
    if (make_paths(daemon, err) || lock_folder(daemon, err) || make_instance(daemon, err) ||
        secret_load(config->name, daemon->secret, err))
        return -1;
    if (!(daemon->base = loop_new()))
        return err_set(err, "cannot make an event loop");
    struct uplink_config link = {
        .base = daemon->base, .name = config->name, .host = config->host, .port = config->port
    };
    struct uplink_events events = { .arg = daemon,
                                    .greet = on_greet,
                                    .up = on_up,
                                    .down = on_down,
                                    .sign = on_sign,
                                    .message = on_message,
                                    .malformed = on_malformed,
                                    .sent = on_sent,
                                    .closed = on_closed };
    if (!(daemon->model_store = model_store_open(daemon->models_dir, err)) ||
        !(daemon->pool = thread_pool_new(daemon->base, THREADS, WAITING_MAX, err)) ||
        !(daemon->model_work = model_work_new(daemon, node_info_send, err)) ||
        !(daemon->model_removals = model_removals_new(daemon, node_info_send, err)) ||
        !(daemon->supervisor = supervisor_new(daemon->base, err)) ||
        !(daemon->trainings = trainings_new(daemon, err)) || !(daemon->inferences = inferences_new(daemon, err)) ||
        !(daemon->views = views_new(daemon, err)) || watch_signals(daemon, err))
        return -1;
    daemon->dataset = local_dataset_look(daemon);
    host_load_measure(&daemon->load, "", clock_ms()); /* the first of the two that tell how busy CPUs are */
    link.pool = daemon->pool;
    return (daemon->link = uplink_new(&link, &events, err)) ? 0 : -1;
}

/* -1 where a thread is still at its work: what that uses is left. */
static int node_release(struct daemon *daemon)
{
    daemon->stopping = true;
    if (daemon->trainings)
        trainings_stop(daemon->trainings);
    int stuck = thread_pool_free(daemon->pool); /* first: its work points into all that follows */
    views_free(daemon->views);
    supervisor_free(daemon->supervisor);
    if (stuck)
        return -1;
    inferences_free(daemon->inferences);
    trainings_free(daemon->trainings);
    uplink_free(daemon->link);
    model_removals_free(daemon->model_removals);
    model_work_free(daemon->model_work);
    model_store_close(daemon->model_store);
    for (size_t i = 0; i < sizeof daemon->signals / sizeof *daemon->signals; i++)
        if (daemon->signals[i])
            event_free(daemon->signals[i]);
    if (daemon->base)
        event_base_free(daemon->base);
    if (daemon->lock_fd >= 0)
        close(daemon->lock_fd);
    cJSON_Delete(daemon->dataset);
    free(daemon->models_dir);
    free(daemon->jobs_dir);
    free(daemon->images_dir);
    free(daemon->manifest_path);
    free(daemon->weights_dir);
    free(daemon->scratch_dir);
    free(daemon);
    return 0;
}

int daemon_run(const struct daemon_config *config, bool *is_stuck, struct err *err)
{
    struct daemon *daemon = calloc(1, sizeof *daemon);
    *is_stuck = false;
    if (!daemon)
        return err_set(err, "no memory for a node");
    *daemon = (struct daemon){ .config = *config, .lock_fd = -1 };
    int result = node_init(daemon, err);
    if (!result && event_base_dispatch(daemon->base) < 0)
        result = err_set(err, "the event loop failed");
    *is_stuck = node_release(daemon);
    return result;
}
