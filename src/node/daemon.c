/* Puts a node together: the order of its parts' lives, and which part takes which message. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/commands.h"
#include "dcls/nn/models.h"
#include "host_info.h"
#include "model_requests.h"

#define THREADS 6 /* for what may block */
#define WAITING_MAX 1024
#define DEFAULT_IMAGES "images"

static const char *const features[] = { "train", "infer", "progress", "cancel", "push", "remove", "blobs", "resume" };

const char *daemon_image_root(const struct daemon *daemon)
{
    if (daemon->config.data_dir)
        return daemon->config.data_dir;
    if (fs_is_dir(daemon->images_dir))
        return daemon->images_dir;
    return fs_is_dir(DEFAULT_IMAGES) ? DEFAULT_IMAGES : NULL;
}

void daemon_refresh_dataset(struct daemon *daemon)
{
    const char *root = daemon_image_root(daemon);
    cJSON_Delete(daemon->dataset);
    daemon->dataset = root ? host_info_dataset(root) : NULL;
}

int daemon_send(struct daemon *daemon, struct msg *msg, const char *key)
{
    /* The existing node sends no name with an inference's answer. */
    bool is_answer = msg->type == MSG_JSON_RESPONSE && msg->inference_key;
    if (!is_answer && !msg->name && msg_set(&msg->name, daemon->config.name))
        return -1;
    return uplink_send(daemon->link, msg, key);
}

void daemon_send_error(struct daemon *daemon, const char *inference_key, const char *json_name, const char *message)
{
    struct msg msg;
    msg_init(&msg, MSG_ERROR);
    if (msg_set(&msg.inference_key, inference_key) || msg_set(&msg.json_name, json_name) ||
        msg_set(&msg.message, message))
        log_error("no memory to send an error: %s", message);
    else
        daemon_send(daemon, &msg, NULL);
    msg_release(&msg);
}

static int fill_info(struct daemon *daemon, struct msg *msg)
{
    msg_init(msg, MSG_NODE_INFO);
    if (model_store_names(daemon->model_store, &msg->models))
        return -1;
    if (uplink_is_legacy(daemon->link))
        return 0;
    msg->model_info = model_store_info(daemon->model_store);
    msg->jobs = trainings_list(daemon->trainings);
    msg->dataset = cJSON_Duplicate(daemon->dataset, true);
    return msg->model_info && msg->jobs ? 0 : -1;
}

void daemon_send_info(struct daemon *daemon)
{
    struct msg msg;
    struct err err = ERR_INIT;
    if (model_store_scan(daemon->model_store, &err))
        log_error("%s", err.text);
    if (fill_info(daemon, &msg))
        log_error("no memory to tell the broker of this node's models");
    else
        daemon_send(daemon, &msg, NULL);
    msg_release(&msg);
}

struct child *daemon_start_worker(struct daemon *daemon, const char *role, const struct child_events *events,
                                  struct err *err)
{
    char parent[24];
    snprintf(parent, sizeof parent, "%ld", (long)getpid());
    const char *const argv[] = { "dcls", "worker", "--fd", CHILD_FD, "--parent", parent, NULL };
    return child_start(daemon->supervisor, role, "/proc/self/exe", argv, events, err);
}

/* The link's events */

/* "KIND:NAME" among the features. */
static int announce(struct msg *msg, const char *kind, const char *name)
{
    char feature[64];
    snprintf(feature, sizeof feature, "%s:%s", kind, name);
    return strings_add(&msg->features, feature);
}

static int on_greet(void *arg, struct msg *msg)
{
    const struct daemon *daemon = arg;
    char cpu[128];
    host_info_cpu(cpu, sizeof cpu);
    msg->protocol = PROTOCOL_VERSION;
    msg->cores = host_info_cores();
    msg->memory = host_info_memory();
    msg->dataset = cJSON_Duplicate(daemon->dataset, true);
    if (msg_set(&msg->name, daemon->config.name) || msg_set(&msg->version, DCLS_VERSION) ||
        msg_set(&msg->instance, daemon->instance) || msg_set(&msg->cpu, *cpu ? cpu : NULL) ||
        host_info_addresses(&msg->addresses))
        return -1;
    for (size_t i = 0; i < sizeof features / sizeof *features; i++)
        if (strings_add(&msg->features, features[i]))
            return -1;
    for (int i = 0; network_at(i); i++)
        if (announce(msg, "type", network_at(i)->name))
            return -1;
    for (size_t i = 0; i < train_option_count; i++)
        if (!train_option_table[i].legacy && announce(msg, "option", train_option_table[i].name))
            return -1;
    return 0;
}

static void on_up(void *arg)
{
    struct daemon *daemon = arg;
    daemon_send_info(daemon);
    trainings_deliver(daemon->trainings);
}

static void on_message(void *arg, struct msg *msg, const char *text, size_t len)
{
    struct daemon *daemon = arg;
    char why[128];
    switch (msg->type) {
    case MSG_NODE_INFO:
        daemon_send_info(daemon);
        break;
    case MSG_SERVER_TRAIN:
        trainings_request(daemon->trainings, msg, text, len);
        break;
    case MSG_SERVER_CANCEL:
        trainings_cancel(daemon->trainings, msg);
        break;
    case MSG_SERVER_JOB_ACK:
        if (msg->train_key)
            outbox_drop(daemon->outbox, msg->train_key);
        break;
    case MSG_SERVER_INFERENCE:
        inferences_request(daemon->inferences, msg);
        break;
    case MSG_GET_JSON:
        model_request_report(daemon, msg);
        break;
    case MSG_SERVER_PUSH:
        model_request_push(daemon, msg);
        break;
    case MSG_SERVER_REMOVE:
        model_request_remove(daemon, msg);
        break;
    case MSG_ERROR:
        log_warn("the broker says: %s", msg->message ? msg->message : "");
        break;
    default:
        snprintf(why, sizeof why, "a node does not take %s", msg_type_name(msg->type));
        daemon_send_error(daemon, NULL, NULL, why);
    }
}

/* Whoever waits for an answer is told by the keys that could be read. */
static void on_malformed(void *arg, const char *text, size_t len, const struct err *why)
{
    struct daemon *daemon = arg;
    if (trainings_refuse(daemon->trainings, text, len, why))
        return;
    cJSON *object = cJSON_ParseWithLength(text, len);
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "type"));
    const char *key = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "inference_key"));
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "json_name"));
    bool is_error = type && !strcmp(type, msg_type_name(MSG_ERROR)); /* no answer to it: that could go on for ever */
    if (!is_error)
        daemon_send_error(daemon, key, name, why->text);
    cJSON_Delete(object);
}

static void on_sent(void *arg, const char *key)
{
    const struct daemon *daemon = arg;
    outbox_drop(daemon->outbox, key); /* a legacy broker acknowledges nothing */
}

static void on_closed(void *arg)
{
    const struct daemon *daemon = arg;
    event_base_loopbreak(daemon->base);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct daemon *daemon = arg;
    (void)number;
    (void)what;
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
    int result = 0;
    if (daemon->lock_fd < 0)
        result = err_set(err, "cannot open '%s': %s", path, strerror(errno));
    else if (flock(daemon->lock_fd, LOCK_EX | LOCK_NB))
        result = errno == EWOULDBLOCK ? err_set(err, "another node uses the folder './%s'", daemon->config.name)
                                      : err_set(err, "cannot lock '%s': %s", path, strerror(errno));
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
    if (make_paths(daemon, err) || lock_folder(daemon, err) || make_instance(daemon, err))
        return -1;
    if (!(daemon->base = event_base_new()))
        return err_set(err, "cannot make an event loop");
    struct uplink_config link = {
        .base = daemon->base, .name = config->name, .host = config->host, .port = config->port
    };
    struct uplink_events events = { .arg = daemon,
                                    .greet = on_greet,
                                    .up = on_up,
                                    .message = on_message,
                                    .malformed = on_malformed,
                                    .sent = on_sent,
                                    .closed = on_closed };
    if (!(daemon->model_store = model_store_open(daemon->models_dir, err)) ||
        !(daemon->outbox = outbox_open(daemon->jobs_dir, err)) ||
        !(daemon->pool = thread_pool_new(daemon->base, THREADS, WAITING_MAX, err)) ||
        !(daemon->supervisor = supervisor_new(daemon->base, err)) ||
        !(daemon->trainings = trainings_new(daemon, err)) || !(daemon->inferences = inferences_new(daemon, err)) ||
        watch_signals(daemon, err))
        return -1;
    daemon_refresh_dataset(daemon);
    link.pool = daemon->pool;
    return (daemon->link = uplink_new(&link, &events, err)) ? 0 : -1;
}

static void node_release(struct daemon *daemon)
{
    daemon->stopping = true;
    thread_pool_free(daemon->pool); /* first: its work points into all that follows */
    supervisor_free(daemon->supervisor);
    inferences_free(daemon->inferences);
    trainings_free(daemon->trainings);
    uplink_free(daemon->link);
    outbox_close(daemon->outbox);
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
}

int daemon_run(const struct daemon_config *config, struct err *err)
{
    struct daemon daemon = { .config = *config, .lock_fd = -1 };
    int result = node_init(&daemon, err);
    if (!result && event_base_dispatch(daemon.base) < 0)
        result = err_set(err, "the event loop failed");
    node_release(&daemon);
    return result;
}
