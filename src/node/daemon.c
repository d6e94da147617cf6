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
#include "host_info.h"
#include "model_requests.h"

#define CREW_SIZE 6
#define DEFAULT_IMAGES "images"

static const char *const features[] = { "train", "infer", "progress", "cancel", "push", "remove", "blobs", "resume" };

const char *node_image_root(const struct node *node)
{
    if (node->config.data_dir)
        return node->config.data_dir;
    if (fs_is_dir(node->images_dir))
        return node->images_dir;
    return fs_is_dir(DEFAULT_IMAGES) ? DEFAULT_IMAGES : NULL;
}

void node_refresh_dataset(struct node *node)
{
    const char *root = node_image_root(node);
    cJSON_Delete(node->dataset);
    node->dataset = root ? info_dataset(root) : NULL;
}

int node_send(struct node *node, struct msg *msg, const char *key)
{
    /* The existing node sends no name with an inference's answer. */
    bool is_answer = msg->type == MSG_JSON_RESPONSE && msg->inference_key;
    if (!is_answer && !msg->name && msg_set(&msg->name, node->config.name))
        return -1;
    return uplink_send(node->link, msg, key);
}

void node_send_error(struct node *node, const char *inference_key, const char *json_name, const char *message)
{
    struct msg msg;
    msg_init(&msg, MSG_ERROR);
    if (msg_set(&msg.inference_key, inference_key) || msg_set(&msg.json_name, json_name) ||
        msg_set(&msg.message, message))
        log_error("no memory to send an error: %s", message);
    else
        node_send(node, &msg, NULL);
    msg_release(&msg);
}

static int fill_info(struct node *node, struct msg *msg)
{
    msg_init(msg, MSG_NODE_INFO);
    if (shelf_names(node->shelf, &msg->models))
        return -1;
    if (uplink_is_legacy(node->link))
        return 0;
    msg->model_info = shelf_info(node->shelf);
    msg->jobs = trainings_list(node->trainings);
    msg->dataset = cJSON_Duplicate(node->dataset, true);
    return msg->model_info && msg->jobs ? 0 : -1;
}

void node_send_info(struct node *node)
{
    struct msg msg;
    struct err err = ERR_INIT;
    if (shelf_scan(node->shelf, &err))
        log_error("%s", err.text);
    if (fill_info(node, &msg))
        log_error("no memory to tell the broker of this node's models");
    else
        node_send(node, &msg, NULL);
    msg_release(&msg);
}

struct child *node_start_worker(struct node *node, const char *role, const struct child_events *events,
                                struct err *err)
{
    char parent[24];
    snprintf(parent, sizeof parent, "%ld", (long)getpid());
    const char *const argv[] = { "dcls", "worker", "--fd", CHILD_FD, "--parent", parent, NULL };
    return child_start(node->supervisor, role, "/proc/self/exe", argv, events, err);
}

/* The link's events */

static int on_greet(void *arg, struct msg *msg)
{
    const struct node *node = arg;
    char cpu[128];
    info_cpu(cpu, sizeof cpu);
    msg->protocol = PROTOCOL_VERSION;
    msg->cores = info_cores();
    msg->memory = info_memory();
    msg->dataset = cJSON_Duplicate(node->dataset, true);
    if (msg_set(&msg->name, node->config.name) || msg_set(&msg->version, DCLS_VERSION) ||
        msg_set(&msg->instance, node->instance) || msg_set(&msg->cpu, *cpu ? cpu : NULL) ||
        info_addresses(&msg->addresses))
        return -1;
    for (size_t i = 0; i < sizeof features / sizeof *features; i++)
        if (strings_add(&msg->features, features[i]))
            return -1;
    for (size_t i = 0; i < train_option_count; i++) {
        char feature[64];
        if (train_option_table[i].legacy)
            continue;
        snprintf(feature, sizeof feature, "option:%s", train_option_table[i].name);
        if (strings_add(&msg->features, feature))
            return -1;
    }
    return 0;
}

static void on_up(void *arg)
{
    struct node *node = arg;
    node_send_info(node);
    trainings_deliver(node->trainings);
}

static void on_message(void *arg, struct msg *msg, const char *text, size_t len)
{
    struct node *node = arg;
    char why[128];
    switch (msg->type) {
    case MSG_NODE_INFO:
        node_send_info(node);
        break;
    case MSG_SERVER_TRAIN:
        trainings_request(node->trainings, msg, text, len);
        break;
    case MSG_SERVER_CANCEL:
        trainings_cancel(node->trainings, msg);
        break;
    case MSG_SERVER_JOB_ACK:
        if (msg->train_key)
            outcomes_drop(node->outcomes, msg->train_key);
        break;
    case MSG_SERVER_INFERENCE:
        inferences_request(node->inferences, msg);
        break;
    case MSG_GET_JSON:
        request_report(node, msg);
        break;
    case MSG_SERVER_PUSH:
        request_push(node, msg);
        break;
    case MSG_SERVER_REMOVE:
        request_remove(node, msg);
        break;
    case MSG_ERROR:
        log_warn("the broker says: %s", msg->message ? msg->message : "");
        break;
    default:
        snprintf(why, sizeof why, "a node does not take %s", msg_type_name(msg->type));
        node_send_error(node, NULL, NULL, why);
    }
}

/* Whoever waits for an answer is told by the keys that could be read. */
static void on_malformed(void *arg, const char *text, size_t len, const struct err *why)
{
    struct node *node = arg;
    if (trainings_refuse(node->trainings, text, len, why))
        return;
    cJSON *object = cJSON_ParseWithLength(text, len);
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "type"));
    const char *key = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "inference_key"));
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "json_name"));
    bool is_error = type && !strcmp(type, msg_type_name(MSG_ERROR)); /* no answer to it: that could go on for ever */
    if (!is_error)
        node_send_error(node, key, name, why->text);
    cJSON_Delete(object);
}

static void on_sent(void *arg, const char *key)
{
    const struct node *node = arg;
    outcomes_drop(node->outcomes, key); /* a legacy broker acknowledges nothing */
}

static void on_closed(void *arg)
{
    const struct node *node = arg;
    event_base_loopbreak(node->base);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct node *node = arg;
    (void)number;
    (void)what;
    if (node->stopping) {
        event_base_loopbreak(node->base); /* asked twice */
        return;
    }
    node->stopping = true;
    log_info("stopping");
    trainings_stop(node->trainings);
    uplink_close(node->link);
}

/* Its life */

static int make_paths(struct node *node, struct err *err)
{
    const char *name = node->config.name;
    int failed = node->config.models_dir ? !(node->models_dir = strdup(node->config.models_dir))
                                         : asprintf(&node->models_dir, "%s/models", name) < 0;
    if (failed || asprintf(&node->jobs_dir, "%s/jobs", name) < 0 ||
        asprintf(&node->images_dir, "%s/images", name) < 0 ||
        asprintf(&node->manifest_path, "%s/cache/dataset.json", name) < 0 ||
        asprintf(&node->weights_dir, "%s/cache/weights", name) < 0 ||
        asprintf(&node->scratch_dir, "%s/cache/scratch", name) < 0)
        return err_set(err, "no memory for the node's folders");
    if (fs_make_dirs(name, err))
        return -1;
    if (node->config.data_dir && !fs_is_dir(node->config.data_dir))
        return err_set(err, "the data folder '%s' is not there", node->config.data_dir);
    return 0;
}

/* Two nodes in one folder would take each other's outcomes and models away. */
static int lock_folder(struct node *node, struct err *err)
{
    char *path = fs_join(node->config.name, "lock");
    if (!path)
        return err_set(err, "no memory for the node's folders");
    node->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    int result = 0;
    if (node->lock_fd < 0)
        result = err_set(err, "cannot open '%s': %s", path, strerror(errno));
    else if (flock(node->lock_fd, LOCK_EX | LOCK_NB))
        result = errno == EWOULDBLOCK ? err_set(err, "another node uses the folder './%s'", node->config.name)
                                      : err_set(err, "cannot lock '%s': %s", path, strerror(errno));
    free(path);
    return result;
}

static int make_instance(struct node *node, struct err *err)
{
    unsigned char random[(INSTANCE_SIZE - 1) / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_set(err, "no random numbers: %s", strerror(errno));
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(node->instance + 2 * i, 3, "%02x", random[i]);
    return 0;
}

static int watch_signals(struct node *node, struct err *err)
{
    static const int numbers[] = { SIGINT, SIGTERM };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        node->signals[i] = evsignal_new(node->base, numbers[i], on_signal, node);
        if (!node->signals[i] || event_add(node->signals[i], NULL))
            return err_set(err, "cannot watch for signals");
    }
    return 0;
}

static int node_init(struct node *node, struct err *err)
{
    const struct node_config *config = &node->config;
    if (make_paths(node, err) || lock_folder(node, err) || make_instance(node, err))
        return -1;
    if (!(node->base = event_base_new()))
        return err_set(err, "cannot make an event loop");
    struct uplink_config link = { .base = node->base,
                                  .name = config->name,
                                  .host = config->host,
                                  .port = config->port };
    struct uplink_events events = { .arg = node,
                                    .greet = on_greet,
                                    .up = on_up,
                                    .message = on_message,
                                    .malformed = on_malformed,
                                    .sent = on_sent,
                                    .closed = on_closed };
    if (!(node->shelf = shelf_open(node->models_dir, err)) || !(node->outcomes = outcomes_open(node->jobs_dir, err)) ||
        !(node->crew = crew_new(node->base, CREW_SIZE, err)) ||
        !(node->supervisor = supervisor_new(node->base, err)) || !(node->trainings = trainings_new(node, err)) ||
        !(node->inferences = inferences_new(node, err)) || watch_signals(node, err))
        return -1;
    node_refresh_dataset(node);
    link.crew = node->crew;
    return (node->link = uplink_new(&link, &events, err)) ? 0 : -1;
}

static void node_release(struct node *node)
{
    node->stopping = true;
    crew_free(node->crew); /* first: its errands point into all that follows */
    supervisor_free(node->supervisor);
    inferences_free(node->inferences);
    trainings_free(node->trainings);
    uplink_free(node->link);
    outcomes_close(node->outcomes);
    shelf_close(node->shelf);
    for (size_t i = 0; i < sizeof node->signals / sizeof *node->signals; i++)
        if (node->signals[i])
            event_free(node->signals[i]);
    if (node->base)
        event_base_free(node->base);
    if (node->lock_fd >= 0)
        close(node->lock_fd);
    cJSON_Delete(node->dataset);
    free(node->models_dir);
    free(node->jobs_dir);
    free(node->images_dir);
    free(node->manifest_path);
    free(node->weights_dir);
    free(node->scratch_dir);
}

int node_run(const struct node_config *config, struct err *err)
{
    struct node node = { .config = *config, .lock_fd = -1 };
    int result = node_init(&node, err);
    if (!result && event_base_dispatch(node.base) < 0)
        result = err_set(err, "the event loop failed");
    node_release(&node);
    return result;
}
