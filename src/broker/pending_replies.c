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

struct pending_reply {
    struct pending_reply *next;
    struct pending_replies *pending_replies;
    enum request_kind kind;
    char node[NAME_SIZE];
    char key[NAME_SIZE];          /* inference key, JSON name or model name */
    char sha256[SHA256_HEX_SIZE]; /* REQUEST_PUSH: the blob that ends it */
    struct event *timer;
    request_done *done;
    void *arg;
};

struct pending_replies {
    struct broker *broker;
    struct pending_reply *first;
    int64_t last_key_ms;
};

struct pending_replies *pending_replies_new(struct broker *broker)
{
    struct pending_replies *pending_replies = calloc(1, sizeof *pending_replies);
    if (pending_replies)
        pending_replies->broker = broker;
    return pending_replies;
}

static void request_free(struct pending_reply *request)
{
    if (request->timer)
        event_free(request->timer);
    free(request);
}

void pending_replies_free(struct pending_replies *pending_replies)
{
    if (!pending_replies)
        return;
    while (pending_replies->first) {
        struct pending_reply *request = pending_replies->first;
        pending_replies->first = request->next;
        request_free(request);
    }
    free(pending_replies);
}

/* Takes it off the list first: the callback may start others. */
static void finish(struct pending_reply *request, int status, const cJSON *data, const char *error)
{
    struct pending_replies *pending_replies = request->pending_replies;
    for (struct pending_reply **at = &pending_replies->first; *at; at = &(*at)->next)
        if (*at == request) {
            *at = request->next;
            break;
        }
    struct node *node = registry_find(pending_replies->broker->registry, request->node);
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
    struct pending_reply *request = arg;
    finish(request, 504, NULL, texts[request->kind]);
}

/* Sends `msg` and waits for its answer; NULL (and `done` was called) where that cannot be. */
static struct pending_reply *ask(struct pending_replies *pending_replies, enum request_kind kind, struct node *node,
                                 const char *key, const struct msg *msg, int ms, request_done *done, void *arg)
{
    struct pending_reply *request = calloc(1, sizeof *request);
    if (request) {
        *request = (struct pending_reply){ .pending_replies = pending_replies, .kind = kind, .done = done, .arg = arg };
        snprintf(request->node, sizeof request->node, "%s", node->name);
        snprintf(request->key, sizeof request->key, "%s", key);
        request->timer = event_new(pending_replies->broker->base, -1, 0, on_timeout, request);
    }
    if (!request || !request->timer || event_add(request->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 })) {
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
    request->next = pending_replies->first;
    pending_replies->first = request;
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
static struct node *route(struct pending_replies *pending_replies, const char *model, const char *requested_node,
                          request_done *done, void *arg)
{
    struct registry *registry = pending_replies->broker->registry;
    if (requested_node) {
        struct node *node = registry_find(registry, requested_node);
        if (!node)
            refuse(done, arg, 404, "Node '%s' not found", requested_node, NULL);
        else if (!node_has_model(node, model)) {
            refuse(done, arg, 404, "node '%s' has no model '%s'", requested_node, model);
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
            holders[count++] =
                (struct schedule_holder){ node->name, node_model_sha256(node, model), *node->job != 0, node->pending };
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

void pending_replies_infer(struct pending_replies *pending_replies, const struct inference_request *requested_node,
                           request_done *done, void *arg)
{
    const char *model = requested_node->model ? requested_node->model : models_newest(pending_replies->broker->models);
    if (!model) {
        done(arg, 404, NULL, "no node has a model yet");
        return;
    }
    struct node *node = route(pending_replies, model, requested_node->node, done, arg);
    if (!node)
        return;
    if (requested_node->image_sha256 && !node_offers(node, "blobs")) {
        refuse(done, arg, 409, "node '%s' does not take uploaded images", node->name, NULL);
        return;
    }
    int64_t now = clock_wall_ms();
    pending_replies->last_key_ms = now > pending_replies->last_key_ms ? now : pending_replies->last_key_ms + 1;
    char key[NAME_SIZE];
    snprintf(key, sizeof key, "inference:%lld", (long long)pending_replies->last_key_ms);
    struct msg msg;
    msg_init(&msg, MSG_SERVER_INFERENCE);
    if (msg_set(&msg.inference_key, key) || msg_set(&msg.image_path, requested_node->image_path) ||
        msg_set(&msg.model_name, model) || msg_set(&msg.image_sha256, requested_node->image_sha256) ||
        msg_set(&msg.model_sha256, node_model_sha256(node, model)))
        done(arg, 500, NULL, "no memory for the request");
    else
        ask(pending_replies, REQUEST_INFERENCE, node, key, &msg, INFERENCE_MS, done, arg);
    msg_release(&msg);
}

void pending_replies_get_json(struct pending_replies *pending_replies, const char *node_name, const char *json_name,
                              request_done *done, void *arg)
{
    struct node *node = registry_find(pending_replies->broker->registry, node_name);
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
        ask(pending_replies, REQUEST_JSON, node, json_name, &msg, GET_JSON_MS, done, arg);
    msg_release(&msg);
}

void pending_replies_push(struct pending_replies *pending_replies, const char *model, const char *node_name,
                          request_done *done, void *arg)
{
    struct node *node = route(pending_replies, model, node_name, done, arg);
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
        struct pending_reply *request = ask(pending_replies, REQUEST_PUSH, node, model, &msg, PUSH_MS, done, arg);
        if (request)
            snprintf(request->sha256, sizeof request->sha256, "%s", sha256);
    }
    msg_release(&msg);
}

/* Ends each request that `matches`, whatever the callbacks do to the list meanwhile. */
static void finish_all(struct pending_replies *pending_replies,
                       bool (*matches)(const struct pending_reply *, const char *), const char *text, int status,
                       const cJSON *data, const char *error)
{
    struct pending_reply *request = pending_replies->first;
    while (request) {
        if (matches(request, text)) {
            finish(request, status, data, error);
            request = pending_replies->first;
        } else
            request = request->next;
    }
}

static bool is_push_of(const struct pending_reply *request, const char *sha256)
{
    return request->kind == REQUEST_PUSH && !strcmp(request->sha256, sha256);
}

void pending_replies_blob_complete(struct pending_replies *pending_replies, const char *sha256)
{
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "sha256", sha256);
    finish_all(pending_replies, is_push_of, sha256, 200, data, NULL);
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

void pending_replies_remove(struct pending_replies *pending_replies, const char *model, request_done *done, void *arg)
{
    struct broker *broker = pending_replies->broker;
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
static struct pending_reply *find(struct pending_replies *pending_replies, const struct node *node,
                                  const struct msg *msg)
{
    for (struct pending_reply *request = pending_replies->first; request; request = request->next) {
        if (strcmp(request->node, node->name))
            continue;
        if (msg->inference_key
                ? request->kind == REQUEST_INFERENCE && !strcmp(request->key, msg->inference_key)
                : msg->json_name && request->kind != REQUEST_INFERENCE && !strcmp(request->key, msg->json_name))
            return request;
    }
    return NULL;
}

void pending_replies_json_response(struct pending_replies *pending_replies, struct node *node, const struct msg *msg)
{
    /* The oldest is last in the list, but equal requests have equal answers. */
    bool inference = msg->inference_key;
    struct pending_reply *request;
    while ((request = find(pending_replies, node, msg)) && (inference || request->kind == REQUEST_JSON)) {
        finish(request, 200, msg->data, NULL);
        if (inference)
            break;
    }
}

bool pending_replies_error(struct pending_replies *pending_replies, struct node *node, const struct msg *msg)
{
    struct pending_reply *request = find(pending_replies, node, msg);
    if (!request)
        return false;
    finish(request, request->kind == REQUEST_JSON ? 404 : 502, NULL,
           msg->message ? msg->message : "the node failed without a reason");
    return true;
}

static bool is_of_node(const struct pending_reply *request, const char *node)
{
    return !strcmp(request->node, node);
}

void pending_replies_node_gone(struct pending_replies *pending_replies, const char *node)
{
    char error[128];
    snprintf(error, sizeof error, "node '%.64s' was lost", node);
    finish_all(pending_replies, is_of_node, node, 502, NULL, error);
}
