/* One function a message type, in a table. */
#include "dispatch.h"

#include <string.h>

#include "broker.h"
#include "dcls/proto/json.h"
#include "dcls/base/err.h"
#include "dcls/base/log.h"
#include "link.h"
#include "membership.h"
#include "model_remove.h"
#include "models.h"
#include "node_events.h"
#include "node_load.h"
#include "node_reports.h"
#include "pending_replies.h"
#include "registry.h"
#include "removals.h"

static void on_connect(struct broker *broker, struct link *link, struct msg *msg)
{
    membership_connect(broker, link, msg);
}

static void on_node_info(struct broker *broker, struct link *link, struct msg *msg)
{
    struct node *node = link_node(link);
    link_answered(link);
    if (node_set_info(broker->registry, node, msg)) {
        link_close(link, "no memory for its models");
        return;
    }
    removals_hide(broker->removals, broker->registry, node);
    models_listed(broker->models, node, msg->model_info);
    node_reports_info(broker, node, msg);
    model_remove_node_info(broker, node);
}

static void on_ping(struct broker *broker, struct link *link, struct msg *msg)
{
    (void)broker;
    node_load_take(link_node(link), msg->load);
    link_send_type(link, MSG_SERVER_PONG);
}

static void on_pong(struct broker *broker, struct link *link, struct msg *msg)
{
    (void)broker;
    link_answered(link);
    node_load_take(link_node(link), msg->load);
    link_send_type(link, MSG_SERVER_ACK);
}

static void on_disconnect(struct broker *broker, struct link *link, struct msg *msg)
{
    membership_disconnect(broker, link, msg);
}

static void on_progress(struct broker *broker, struct link *link, struct msg *msg)
{
    node_reports_progress(broker, link_node(link), msg);
}

static void on_outcome(struct broker *broker, struct link *link, struct msg *msg)
{
    node_reports_outcome(broker, link_node(link), msg);
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

static void on_view(struct broker *broker, struct link *link, struct msg *msg)
{
    pending_replies_view(broker->pending_replies, link_node(link), msg);
}

static void on_error(struct broker *broker, struct link *link, struct msg *msg)
{
    struct node *node = link_node(link);
    link_answered(link);
    if (!pending_replies_error(broker->pending_replies, node, msg) && !model_remove_error(broker, node, msg) &&
        !node_reports_error(broker, node, msg))
        log_warn("%s: %s", node->name, msg->message ? msg->message : "an error without a text");
}

struct handler {
    void (*handle)(struct broker *broker, struct link *link, struct msg *msg);
    bool unregistered; /* allowed before CLIENT CONNECT */
    bool of_any_name;  /* else a node speaks for itself alone */
};

static const struct handler handlers[MSG_TYPE_COUNT] = {
    [MSG_CLIENT_CONNECT] = { on_connect, true, true },
    [MSG_CLIENT_DISCONNECT] = { on_disconnect, true, true },
    [MSG_CLIENT_PING] = { on_ping, true, false },
    [MSG_NODE_INFO] = { on_node_info, false, false },
    [MSG_CLIENT_PONG] = { on_pong, false, false },
    [MSG_TRAINING_PROGRESS] = { on_progress, false, false },
    [MSG_TRAINING_COMPLETED] = { on_outcome, false, false },
    [MSG_TRAINING_FAILED] = { on_outcome, false, false },
    [MSG_NEW_MODEL_ADDED] = { on_new_model, false, false },
    [MSG_JSON_RESPONSE] = { on_json_response, false, false },
    [MSG_VIEW] = { on_view, false, false },
    [MSG_VIEW_FAILED] = { on_view, false, false },
    [MSG_ERROR] = { on_error, false, true },
    [MSG_MODEL_REMOVED] = { on_removal_answered, false, false },
    [MSG_REMOVE_FAILED] = { on_removal_answered, false, false },
};

static void on_message(void *arg, struct link *link, struct msg *msg)
{
    const struct handler *handler = &handlers[msg->type];
    const struct node *node = link_node(link);
    struct err err = ERR_INIT;
    if (!handler->handle)
        err_set(&err, "'%s' is not offered by this broker", msg_type_name(msg->type));
    else if (!handler->unregistered && !node && msg->type != MSG_ERROR)
        err_set(&err, "'%s' came before 'CLIENT CONNECT'", msg_type_name(msg->type));
    else if (!handler->of_any_name && node && msg->name && strcmp(msg->name, node->name))
        err_set(&err, "'%s' of '%s' came from node '%s'", msg_type_name(msg->type), msg->name, node->name);
    if (*err.text)
        link_send_error(link, err.text);
    else if (handler->unregistered || node)
        handler->handle(arg, link, msg);
    node_events_publish(arg);
}

static void on_train_left(void *arg, struct link *link, const char *train_key)
{
    if (link_node(link))
        node_reports_train_left(arg, link_node(link), train_key);
    node_events_publish(arg);
}

static void on_closed(void *arg, struct link *link)
{
    membership_closed(arg, link);
    node_events_publish(arg);
}

const struct link_events dispatch_events = { .message = on_message, .train_left = on_train_left, .closed = on_closed };
