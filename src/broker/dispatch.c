/* One function a message type, in a table. */
#include "dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/proto/json.h"
#include "dcls/base/clock.h"
#include "dcls/base/err.h"
#include "dcls/base/log.h"
#include "dcls/commands.h"
#include "job_reports.h"
#include "link.h"
#include "model_remove.h"
#include "models.h"
#include "pending_replies.h"
#include "registry.h"
#include "removals.h"

#define DUPLICATE_NAME_MS 2000 /* a live instance answers a ping within this */

/* A peer that knows the protocol is told what this broker offers; any other gets the bare message. */
static void acknowledge(struct broker *broker, struct link *link)
{
    static const char *const features[] = { "progress", "jobs", "removed", "blobs", "push", "dataset" };
    struct msg ack;
    int failed = 0;
    msg_init(&ack, MSG_SERVER_ACK);
    if (!link_is_legacy(link)) {
        ack.protocol = PROTOCOL_VERSION;
        ack.api_port = broker->api_port;
        failed = msg_set(&ack.version, DCLS_VERSION);
        for (size_t i = 0; i < sizeof features / sizeof *features; i++)
            failed = failed || strings_add(&ack.features, features[i]);
    }
    if (failed)
        link_close(link, "no memory to answer it");
    else
        link_send(link, &ack);
    msg_release(&ack);
}

static void leave(struct broker *broker, struct link *link)
{
    struct node *node = link_node(link);
    if (!node)
        return;
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s", node->name);
    log_info("node '%s' left", name);
    link_set_node(link, NULL);
    node->ready = false; /* nothing starts there any more */
    job_reports_node_gone(broker, name);
    registry_remove(broker->registry, node);
    pending_replies_node_gone(broker->pending_replies, name);
    model_remove_node_gone(broker, name);
}

static void enter(struct broker *broker, struct link *link, const struct msg *msg)
{
    struct node *old = registry_find(broker->registry, msg->name);
    char job[NAME_SIZE] = "";
    if (old && old->link == link) {
        /* The same peer, telling of itself again: it runs what it ran. */
        snprintf(job, sizeof job, "%s", old->job);
    } else if (old) {
        struct link *before = old->link;
        leave(broker, before);
        link_close(before, "another connection took its name");
    }
    struct node *node = registry_add(broker->registry, msg, link);
    if (!node) {
        link_close(link, "no memory to register it");
        return;
    }
    snprintf(node->job, sizeof node->job, "%s", job);
    link_set_node(link, node);
    log_info("node '%s' at %s: %s", node->name, link_peer(link),
             node_is_legacy(node) ? "without capabilities"
             : node->version      ? node->version
                                  : "dcls");
    acknowledge(broker, link);
    node_publish(broker->registry, node, false);
}

/* The registered node of that name had time to answer a ping, which was sent when this link was last heard: it has kept
 * silent since its CLIENT CONNECT, as it waits for an answer. */
static void on_duplicate_name(void *arg, struct link *link)
{
    struct broker *broker = arg;
    struct msg *msg = link_kept(link);
    struct node *old = registry_find(broker->registry, msg->name);
    if (old && old->link != link && link_heard_ms(old->link) >= link_heard_ms(link)) {
        struct err err = ERR_INIT;
        err_set(&err, "another live node is already named '%s'", msg->name);
        link_send_error(link, err.text);
        link_close(link, "its name is taken");
        return;
    }
    enter(broker, link, msg);
    link_keep(link, NULL);
}

static void on_connect(struct broker *broker, struct link *link, struct msg *msg)
{
    struct node *old = registry_find(broker->registry, msg->name);
    if (link_node(link) && strcmp(link_node(link)->name, msg->name))
        leave(broker, link);
    link_set_legacy(link, msg->protocol < 1);
    bool duplicate_name =
        old && old->link != link && old->instance && msg->instance && strcmp(old->instance, msg->instance);
    if (!duplicate_name) {
        enter(broker, link, msg);
        return;
    }
    struct msg *kept = malloc(sizeof *kept);
    if (!kept) {
        link_close(link, "no memory to register it");
        return;
    }
    *kept = *msg;
    msg_init(msg, msg->type);
    link_keep(link, kept);
    link_send_type(old->link, MSG_SERVER_PING);
    link_after(link, DUPLICATE_NAME_MS, on_duplicate_name);
}

static void on_node_info(struct broker *broker, struct link *link, struct msg *msg)
{
    struct node *node = link_node(link);
    link_answered(link);
    removals_hide(broker->removals, node->name, msg);
    if (node_set_info(broker->registry, node, msg)) {
        link_close(link, "no memory for its models");
        return;
    }
    models_listed(broker->models, node);
    job_reports_node_info(broker, node, msg->jobs);
    model_remove_node_info(broker, node);
}

static void on_ping(struct broker *broker, struct link *link, struct msg *msg)
{
    (void)broker, (void)msg;
    link_send_type(link, MSG_SERVER_PONG);
}

static void on_pong(struct broker *broker, struct link *link, struct msg *msg)
{
    (void)broker, (void)msg;
    link_answered(link);
    link_send_type(link, MSG_SERVER_ACK);
}

/* Comes on a connection of its own from the existing node. */
static void on_disconnect(struct broker *broker, struct link *link, struct msg *msg)
{
    struct node *node = registry_find(broker->registry, msg->name);
    if (node) {
        struct link *its = node->link;
        leave(broker, its);
        if (its != link)
            link_close(its, "said goodbye");
    }
    link_send_type(link, MSG_SERVER_ACK);
    link_close(link, "said goodbye");
}

static void on_progress(struct broker *broker, struct link *link, struct msg *msg)
{
    job_reports_progress(broker, link_node(link), msg);
}

static void on_completed(struct broker *broker, struct link *link, struct msg *msg)
{
    job_reports_completed(broker, link_node(link), msg);
}

static void on_failed(struct broker *broker, struct link *link, struct msg *msg)
{
    job_reports_failed(broker, link_node(link), msg);
}

static void on_new_model(struct broker *broker, struct link *link, struct msg *msg)
{
    struct node *node = link_node(link);
    const cJSON *info = json_find(msg->model_info, "name", msg->new_model);
    if (removals_cover(broker->removals, node->name, msg->new_model, json_text(info, "sha256"), NULL))
        return;
    if (node_add_model(broker->registry, node, msg->new_model, info))
        log_error("no memory for a model of '%s'", node->name);
    models_seen(broker->models, node->name, msg->model_info);
}

static void on_removal_answered(struct broker *broker, struct link *link, struct msg *msg)
{
    model_remove_answer(broker, link_node(link), msg);
}

static void on_json_response(struct broker *broker, struct link *link, struct msg *msg)
{
    link_answered(link);
    pending_replies_json_response(broker->pending_replies, link_node(link), msg);
}

static void on_error(struct broker *broker, struct link *link, struct msg *msg)
{
    struct node *node = link_node(link);
    link_answered(link);
    if (!pending_replies_error(broker->pending_replies, node, msg) && !model_remove_error(broker, node, msg))
        log_warn("%s: %s", node->name, msg->message ? msg->message : "an error without a text");
}

struct handler {
    void (*handle)(struct broker *broker, struct link *link, struct msg *msg);
    bool unregistered; /* allowed before CLIENT CONNECT */
};

static const struct handler handlers[MSG_TYPE_COUNT] = {
    [MSG_CLIENT_CONNECT] = { on_connect, true },
    [MSG_CLIENT_DISCONNECT] = { on_disconnect, true },
    [MSG_CLIENT_PING] = { on_ping, true },
    [MSG_NODE_INFO] = { on_node_info, false },
    [MSG_CLIENT_PONG] = { on_pong, false },
    [MSG_TRAINING_PROGRESS] = { on_progress, false },
    [MSG_TRAINING_COMPLETED] = { on_completed, false },
    [MSG_TRAINING_FAILED] = { on_failed, false },
    [MSG_NEW_MODEL_ADDED] = { on_new_model, false },
    [MSG_JSON_RESPONSE] = { on_json_response, false },
    [MSG_ERROR] = { on_error, false },
    [MSG_MODEL_REMOVED] = { on_removal_answered, false },
    [MSG_REMOVE_FAILED] = { on_removal_answered, false },
};

static void on_message(void *arg, struct link *link, struct msg *msg)
{
    const struct handler *handler = &handlers[msg->type];
    struct err err = ERR_INIT;
    if (!handler->handle)
        err_set(&err, "'%s' is not offered by this broker", msg_type_name(msg->type));
    else if (!handler->unregistered && !link_node(link) && msg->type != MSG_ERROR)
        err_set(&err, "'%s' came before 'CLIENT CONNECT'", msg_type_name(msg->type));
    if (*err.text)
        link_send_error(link, err.text);
    else if (handler->unregistered || link_node(link))
        handler->handle(arg, link, msg);
}

static void on_closed(void *arg, struct link *link)
{
    leave(arg, link);
}

const struct link_events dispatch_events = { .message = on_message, .closed = on_closed };
