/* What nodes owe an answer to. */
#include "pending_replies.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/base/err.h"
#include "dcls/base/log.h"
#include "dcls/base/sha256.h"
#include "dcls/proto/name.h"
#include "jobs.h"
#include "link.h"
#include "models.h"
#include "registry.h"
#include "scheduler.h"

#define HOLDERS_MAX 1024

enum request_kind { REQUEST_INFERENCE, REQUEST_JSON, REQUEST_PUSH };

struct request {
    struct request *next;
    struct requests *requests;
    enum request_kind kind;
    char node[NAME_SIZE];
    char key[NAME_SIZE]; /* inference key, JSON name or model name */
    char sha256[SHA256_HEX_SIZE]; /* REQUEST_PUSH: the blob that ends it */
    struct event *timer;
    request_done *done;
    void *arg;
};

struct requests {
    struct broker *broker;
    struct request *first;
    int64_t last_key_ms;
};

struct requests *requests_new(struct broker *broker)
{
    struct requests *requests = calloc(1, sizeof *requests);
    if (requests)
        requests->broker = broker;
    return requests;
}

static void request_free(struct request *request)
{
    if (request->timer)
        event_free(request->timer);
    free(request);
}

void requests_free(struct requests *requests)
{
    if (!requests)
        return;
    while (requests->first) {
        struct request *request = requests->first;
        requests->first = request->next;
        request_free(request);
    }
    free(requests);
}

/* Takes it off the list first: the callback may start others. */
static void finish(struct request *request, int status, const cJSON *data, const char *error)
{
    struct requests *requests = request->requests;
    for (struct request **at = &requests->first; *at; at = &(*at)->next)
        if (*at == request) {
            *at = request->next;
            break;
        }
    struct node *node = registry_find(requests->broker->registry, request->node);
    if (request->kind == REQUEST_INFERENCE && node && node->pending > 0)
        node->pending--;
    request->done(request->arg, status, data, error);
    request_free(request);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    static const char *const texts[] = {
        [REQUEST_INFERENCE] = "Timeout waiting for inference response",
        [REQUEST_JSON] = "Timeout waiting for JSON response",
        [REQUEST_PUSH] = "Timeout waiting for the model's upload",
    };
    (void)fd, (void)what;
    struct request *request = arg;
    finish(request, 504, NULL, texts[request->kind]);
}

/* Sends `msg` and waits for its answer; NULL (and `done` was called) where that cannot be. */
static struct request *ask(struct requests *requests, enum request_kind kind, struct node *node, const char *key,
                           const struct msg *msg, int ms, request_done *done, void *arg)
{
    struct request *request = calloc(1, sizeof *request);
    if (request) {
        *request = (struct request){ .requests = requests, .kind = kind, .done = done, .arg = arg };
        snprintf(request->node, sizeof request->node, "%s", node->name);
        snprintf(request->key, sizeof request->key, "%s", key);
        request->timer = event_new(requests->broker->base, -1, 0, on_timeout, request);
    }
    if (!request || !request->timer ||
        event_add(request->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 })) {
        if (request)
            request_free(request);
        done(arg, 500, NULL, "no memory for the request");
        return NULL;
    }
    if (link_send(node->link, msg, true)) {
        request_free(request);
        done(arg, 502, NULL, "the node cannot be reached");
        return NULL;
    }
    request->next = requests->first;
    requests->first = request;
    node->pending += kind == REQUEST_INFERENCE;
    return request;
}

static void refuse(request_done *done, void *arg, int status, const char *format, const char *a, const char *b)
{
    struct err err = ERR_INIT;
    /* The formats are literals of this file, with at most two names in quotes. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    err_set(&err, format, a, b);
#pragma GCC diagnostic pop
    done(arg, status, NULL, err.text);
}

/* The node that is to serve the model; NULL where `done` was called. */
static struct node *route(struct requests *requests, const char *model, const char *wanted, request_done *done,
                          void *arg)
{
    struct registry *registry = requests->broker->registry;
    if (wanted) {
        struct node *node = registry_find(registry, wanted);
        if (!node)
            refuse(done, arg, 404, "Node '%s' not found", wanted, NULL);
        else if (!node_has_model(node, model)) {
            refuse(done, arg, 404, "node '%s' has no model '%s'", wanted, model);
            node = NULL;
        }
        return node;
    }
    struct schedule_holder holders[HOLDERS_MAX];
    struct node *nodes[HOLDERS_MAX];
    size_t count = 0, found;
    for (struct node *node = registry_first(registry); node && count < HOLDERS_MAX; node = node->next)
        if (node_has_model(node, model)) {
            nodes[count] = node;
            holders[count++] = (struct schedule_holder){ node->name, node_model_sha256(node, model), *node->job != 0,
                                                         node->pending };
        }
    switch (schedule_inference(holders, count, &found)) {
    case SCHEDULE_FOUND:
        return nodes[found];
    case SCHEDULE_AMBIGUOUS:
        refuse(done, arg, 409, "nodes hold different models named '%s': name the node", model, NULL);
        return NULL;
    default:
        refuse(done, arg, 404, "no connected node has a model '%s'", model, NULL);
        return NULL;
    }
}

void requests_infer(struct requests *requests, const struct inference_request *wanted, request_done *done, void *arg)
{
    const char *model = wanted->model ? wanted->model : models_newest(requests->broker->models);
    if (!model) {
        done(arg, 404, NULL, "no node has a model yet");
        return;
    }
    struct node *node = route(requests, model, wanted->node, done, arg);
    if (!node)
        return;
    if (wanted->image_sha256 && !node_offers(node, "blobs")) {
        refuse(done, arg, 409, "node '%s' does not take uploaded images", node->name, NULL);
        return;
    }
    int64_t now = clock_wall_ms();
    requests->last_key_ms = now > requests->last_key_ms ? now : requests->last_key_ms + 1;
    char key[NAME_SIZE];
    snprintf(key, sizeof key, "inference:%lld", (long long)requests->last_key_ms);
    struct msg msg;
    msg_init(&msg, MSG_SERVER_INFERENCE);
    if (msg_set(&msg.inference_key, key) || msg_set(&msg.image_path, wanted->image_path) ||
        msg_set(&msg.model_name, model) || msg_set(&msg.image_sha256, wanted->image_sha256) ||
        msg_set(&msg.model_sha256, node_model_sha256(node, model)))
        done(arg, 500, NULL, "no memory for the request");
    else
        ask(requests, REQUEST_INFERENCE, node, key, &msg, INFERENCE_MS, done, arg);
    msg_release(&msg);
}

void requests_get_json(struct requests *requests, const char *node_name, const char *json_name, request_done *done,
                       void *arg)
{
    struct node *node = registry_find(requests->broker->registry, node_name);
    if (!node) {
        refuse(done, arg, 404, "Node '%s' not found", node_name, NULL);
        return;
    }
    if (!name_is_valid(json_name)) {
        refuse(done, arg, 400, "'%s' is no model's name", json_name, NULL);
        return;
    }
    struct msg msg;
    msg_init(&msg, MSG_GET_JSON);
    if (msg_set(&msg.name, node_name) || msg_set(&msg.json_name, json_name))
        done(arg, 500, NULL, "no memory for the request");
    else
        ask(requests, REQUEST_JSON, node, json_name, &msg, GET_JSON_MS, done, arg);
    msg_release(&msg);
}

void requests_push(struct requests *requests, const char *model, const char *node_name, request_done *done, void *arg)
{
    struct node *node = route(requests, model, node_name, done, arg);
    if (!node)
        return;
    const char *sha256 = node_model_sha256(node, model);
    if (!node_offers(node, "push") || !sha256) {
        refuse(done, arg, 409, "node '%s' cannot upload a model", node->name, NULL);
        return;
    }
    struct msg msg;
    msg_init(&msg, MSG_SERVER_PUSH);
    if (msg_set(&msg.model_name, model) || msg_set(&msg.model_sha256, sha256)) {
        done(arg, 500, NULL, "no memory for the request");
    } else {
        struct request *request = ask(requests, REQUEST_PUSH, node, model, &msg, PUSH_MS, done, arg);
        if (request)
            snprintf(request->sha256, sizeof request->sha256, "%s", sha256);
    }
    msg_release(&msg);
}

/* Ends each request that `matches`, whatever the callbacks do to the list meanwhile. */
static void finish_all(struct requests *requests, bool (*matches)(const struct request *, const char *),
                       const char *text, int status, const cJSON *data, const char *error)
{
    struct request *request = requests->first;
    while (request) {
        if (matches(request, text)) {
            finish(request, status, data, error);
            request = requests->first;
        } else
            request = request->next;
    }
}

static bool is_push_of(const struct request *request, const char *sha256)
{
    return request->kind == REQUEST_PUSH && !strcmp(request->sha256, sha256);
}

void requests_blob_complete(struct requests *requests, const char *sha256)
{
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "sha256", sha256);
    finish_all(requests, is_push_of, sha256, 200, data, NULL);
    cJSON_Delete(data);
}

/* Has the node delete what it keeps of the model. */
static void send_remove(const struct node *node, const char *model)
{
    struct msg msg;
    msg_init(&msg, MSG_SERVER_REMOVE);
    if (msg_set(&msg.model_name, model) || link_send(node->link, &msg, false))
        log_error("%s: no memory to have model '%s' removed", node->name, model);
    msg_release(&msg);
}

/* A training that ended without a model may have left its checkpoint there. */
static bool keeps_checkpoint(const struct broker *broker, const struct node *node, const char *model)
{
    return jobs_left(broker->jobs, model, node->name) && node_offers(node, "remove");
}

/* 404 or 409 and the reason why the model cannot be removed, else 0. */
static int check_remove(const struct broker *broker, const char *model, struct err *err)
{
    bool found = models_know(broker->models, model), trained_here = false;
    for (const struct node *node = registry_first(broker->registry); node; node = node->next) {
        if (node_has_model(node, model) && !node_offers(node, "remove")) {
            err_set(err, "node '%s' cannot remove model '%s'", node->name, model);
            return 409;
        }
        found |= keeps_checkpoint(broker, node, model);
        trained_here |= jobs_left(broker->jobs, model, node->name); /* by a node that keeps none, too */
    }
    if (jobs_train_model(broker->jobs, model)) {
        err_set(err, "model '%s' is being trained", model);
        return 409;
    }
    if (found)
        return 0;
    bool away = !trained_here && jobs_left(broker->jobs, model, NULL);
    err_set(err, away ? "the node where model '%s' was trained is away" : "model '%s' not found", model);
    return away ? 409 : 404;
}

void requests_remove(struct requests *requests, const char *model, request_done *done, void *arg)
{
    struct broker *broker = requests->broker;
    struct err err = ERR_INIT;
    int refused = check_remove(broker, model, &err);
    if (refused) {
        done(arg, refused, NULL, err.text);
        return;
    }
    for (struct node *node = registry_first(broker->registry), *next; node; node = next) {
        next = node->next;
        bool has = node_has_model(node, model);
        if (!has && !keeps_checkpoint(broker, node, model))
            continue;
        send_remove(node, model);
        jobs_sweep(broker->jobs, model, node->name);
        if (has)
            node_drop_model(broker->registry, node, model);
    }
    models_forget(broker->models, model);
    done(arg, 200, NULL, NULL);
}

/* What an answer belongs to. A legacy node answers GET_JSON with its own name and that of the file. */
static struct request *find(struct requests *requests, const struct node *node, const struct msg *msg)
{
    for (struct request *request = requests->first; request; request = request->next) {
        if (strcmp(request->node, node->name))
            continue;
        if (msg->inference_key
                ? request->kind == REQUEST_INFERENCE && !strcmp(request->key, msg->inference_key)
                : msg->json_name && request->kind != REQUEST_INFERENCE && !strcmp(request->key, msg->json_name))
            return request;
    }
    return NULL;
}

void requests_json_response(struct requests *requests, struct node *node, const struct msg *msg)
{
    /* The oldest is last in the list, but equal requests have equal answers. */
    bool inference = msg->inference_key != NULL;
    struct request *request;
    while ((request = find(requests, node, msg)) && (inference || request->kind == REQUEST_JSON)) {
        finish(request, 200, msg->data, NULL);
        if (inference)
            break;
    }
}

bool requests_error(struct requests *requests, struct node *node, const struct msg *msg)
{
    struct request *request = find(requests, node, msg);
    if (!request)
        return false;
    finish(request, request->kind == REQUEST_JSON ? 404 : 502, NULL,
           msg->message ? msg->message : "the node failed without a reason");
    return true;
}

static bool is_of_node(const struct request *request, const char *node)
{
    return !strcmp(request->node, node);
}

void requests_node_gone(struct requests *requests, const char *node)
{
    char error[128];
    snprintf(error, sizeof error, "node '%.64s' was lost", node);
    finish_all(requests, is_of_node, node, 502, NULL, error);
}
