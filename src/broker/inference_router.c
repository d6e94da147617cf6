/* Choosing the node, and the message that asks it. */
#include "inference_router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "models.h"
#include "registry.h"
#include "scheduler.h"

/* The node that is to serve the model; NULL: refused. */
static struct node *route(const struct broker *broker, const char *model, const char *requested_node,
                          struct refusal *refusal)
{
    size_t room = registry_count(broker->registry) + 1, count = 0, found = 0;
    struct schedule_holder *holders = calloc(room, sizeof *holders);
    struct node **nodes = calloc(room, sizeof *nodes), *chosen = NULL;
    if (!holders || !nodes) {
        refuse(refusal, 500, "no memory for the request");
        goto out;
    }
    for (struct node *node = registry_first(broker->registry); node; node = registry_next(node)) {
        if (!node_has_model(node, model) || (requested_node && strcmp(requested_node, node->name)))
            continue;
        nodes[count] = node;
        holders[count++] =
            (struct schedule_holder){ node->name, node_model_sha256(node, model), *node->job != 0, node->pending };
    }
    switch (schedule_inference(holders, count, &found)) {
    case SCHEDULE_FOUND: chosen = nodes[found]; break;
    case SCHEDULE_AMBIGUOUS:
        refuse(refusal, 409, "nodes hold different models named '%s': name the node", model);
        break;
    case SCHEDULE_NONE:
        if (!requested_node)
            refuse(refusal, 404, "no connected node has a model '%s'", model);
        else if (registry_find(broker->registry, requested_node))
            refuse(refusal, 404, "node '%s' has no model '%s'", requested_node, model);
        else
            refuse(refusal, 404, "Node '%s' not found", requested_node);
    }
out:
    free(holders);
    free(nodes);
    return chosen;
}

/* Sends what was filled in (`failed`: memory lacked for that) and takes the message. */
static int ask(struct broker *broker, struct node *node, struct msg *msg, bool failed, reply_done *done, void *arg,
               struct refusal *refusal)
{
    int status = failed ? refuse(refusal, 500, "no memory for the request")
                        : pending_replies_ask(broker->pending_replies, node, msg, done, arg, refusal);
    msg_release(msg);
    return status;
}

int inference_router_infer(struct broker *broker, const struct inference_request *request, reply_done *done, void *arg,
                           char asked[NAME_SIZE], struct refusal *refusal)
{
    *asked = '\0';
    const char *model = request->model ? request->model : models_newest(broker->models);
    if (!model)
        return refuse(refusal, 404, "no node has a model yet");
    struct node *node = route(broker, model, request->node, refusal);
    if (!node)
        return -1;
    snprintf(asked, NAME_SIZE, "%s", node->name);
    if (request->image_sha256 && !node_offers(node, "blobs"))
        return refuse(refusal, 409, "node '%s' does not take uploaded images", node->name);
    char key[NAME_SIZE];
    struct msg msg;
    pending_replies_new_key(broker->pending_replies, "inference", key);
    msg_init(&msg, MSG_SERVER_INFERENCE);
    bool failed = msg_set(&msg.inference_key, key) || msg_set(&msg.image_path, request->image_path) ||
                  msg_set(&msg.model_name, model) || msg_set(&msg.image_sha256, request->image_sha256) ||
                  msg_set(&msg.model_sha256, node_model_sha256(node, model));
    return ask(broker, node, &msg, failed, done, arg, refusal);
}

int inference_router_report(struct broker *broker, const char *node_name, const char *model, reply_done *done,
                            void *arg, struct refusal *refusal)
{
    struct node *node = registry_find(broker->registry, node_name);
    struct msg msg;
    if (!node)
        return refuse(refusal, 404, "Node '%s' not found", node_name);
    if (!name_is_valid(model))
        return refuse(refusal, 400, "'%s' is no model's name", model);
    msg_init(&msg, MSG_GET_JSON);
    bool failed = msg_set(&msg.name, node_name) || msg_set(&msg.json_name, model);
    return ask(broker, node, &msg, failed, done, arg, refusal);
}

int inference_router_push(struct broker *broker, const char *model, const char *node_name, reply_done *done, void *arg,
                          struct refusal *refusal)
{
    struct node *node = route(broker, model, node_name, refusal);
    struct msg msg;
    if (!node)
        return -1;
    const char *sha256 = node_model_sha256(node, model);
    if (!node_offers(node, "push") || !sha256)
        return refuse(refusal, 409, "node '%s' cannot upload a model", node->name);
    msg_init(&msg, MSG_SERVER_PUSH);
    bool failed = msg_set(&msg.model_name, model) || msg_set(&msg.model_sha256, sha256);
    return ask(broker, node, &msg, failed, done, arg, refusal);
}

int inference_router_answers(struct broker *broker, const struct answers_request *request, reply_done *done, void *arg,
                             char asked[NAME_SIZE], struct refusal *refusal)
{
    *asked = '\0';
    struct node *node = route(broker, request->model, request->node, refusal);
    char key[NAME_SIZE];
    struct msg msg;
    if (!node)
        return -1;
    snprintf(asked, NAME_SIZE, "%s", node->name);
    if (!node_offers(node, "answers"))
        return refuse(refusal, 409, "node '%s' keeps no answers on test images", node->name);
    pending_replies_new_key(broker->pending_replies, "view", key);
    msg_init(&msg, MSG_GET_ANSWERS);
    msg.wrong = request->wrong;
    msg.limit = request->limit;
    msg.offset = request->offset;
    bool failed = msg_set(&msg.view_key, key) || msg_set(&msg.model_name, request->model) ||
                  msg_set(&msg.label, request->label) || msg_set(&msg.predicted, request->predicted);
    return ask(broker, node, &msg, failed, done, arg, refusal);
}

/* The node whose dataset is looked at; NULL: refused. */
static struct node *viewed(const struct broker *broker, const char *name, struct refusal *refusal)
{
    struct node *node = registry_find(broker->registry, name);
    if (!node)
        refuse(refusal, 404, "Node '%s' not found", name);
    else if (!node_offers(node, "thumbnails"))
        refuse(refusal, 409, "node '%s' does not show its images: it was started with '--no-thumbnails', or cannot",
               node->name);
    else
        return node;
    return NULL;
}

int inference_router_dataset(struct broker *broker, const char *node_name, reply_done *done, void *arg,
                             struct refusal *refusal)
{
    struct node *node = viewed(broker, node_name, refusal);
    char key[NAME_SIZE];
    struct msg msg;
    if (!node)
        return -1;
    pending_replies_new_key(broker->pending_replies, "view", key);
    msg_init(&msg, MSG_GET_DATASET);
    bool failed = msg_set(&msg.view_key, key);
    return ask(broker, node, &msg, failed, done, arg, refusal);
}

int inference_router_image(struct broker *broker, const struct image_request *request, reply_done *done, void *arg,
                           struct refusal *refusal)
{
    struct node *node = viewed(broker, request->node, refusal);
    char key[NAME_SIZE];
    struct msg msg;
    if (!node)
        return -1;
    pending_replies_new_key(broker->pending_replies, "view", key);
    msg_init(&msg, MSG_GET_IMAGE);
    msg.index = request->index;
    msg.width = request->width;
    bool failed = msg_set(&msg.view_key, key) || msg_set(&msg.split, request->split);
    return ask(broker, node, &msg, failed, done, arg, refusal);
}
