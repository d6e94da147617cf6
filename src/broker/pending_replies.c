/* What nodes owe an answer to. A SERVER PUSH is answered by the upload of the blob, not by a message. */
#include "pending_replies.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/base/sha256.h"
#include "dcls/net/timer.h"
#include "dcls/proto/name.h"
#include "link.h"
#include "metrics.h"
#include "registry.h"

/* By the type of what was asked. */
static const struct {
    int ms;     /* the deadline */
    int failed; /* the status of the node's ERROR */
    const char *late;
} kinds[MSG_TYPE_COUNT] = {
    [MSG_SERVER_INFERENCE] = { 15000, 502, "Timeout waiting for inference response" },
    [MSG_GET_JSON] = { 5000, 404, "Timeout waiting for JSON response" },
    [MSG_SERVER_PUSH] = { 120000, 502, "Timeout waiting for the model's upload" }, /* its bytes over the network */
    [MSG_GET_DATASET] = { 15000, 502, "the node did not tell within 15 s what its dataset holds" },
    [MSG_GET_IMAGE] = { 15000, 502, "the node did not send the image within 15 s" },
    [MSG_GET_ANSWERS] = { 15000, 502, "the node did not send the answers within 15 s" },
};

struct pending_reply {
    LIST_ENTRY(pending_reply) listed;
    struct pending_replies *replies;
    enum msg_type asked;
    char node[NAME_SIZE];
    char key[NAME_SIZE]; /* what the answer names: the inference's or the view's key, the JSON name or the model */
    char sha256[SHA256_HEX_SIZE]; /* SERVER PUSH: the blob that ends it */
    char model[NAME_SIZE];        /* SERVER INFERENCE: the one that classifies */
    int64_t asked_ms, deadline_ms;
    struct timer *timer;
    reply_done *done;
    void *arg;
};

struct pending_replies {
    struct broker *broker;
    LIST_HEAD(pending_reply_list, pending_reply) owed; /* the newest first */
    int64_t last_key_ms;
};

struct pending_replies *pending_replies_new(struct broker *broker)
{
    struct pending_replies *replies = calloc(1, sizeof *replies);
    if (replies)
        replies->broker = broker;
    return replies;
}

static void reply_free(struct pending_reply *reply)
{
    timer_free(reply->timer);
    free(reply);
}

void pending_replies_free(struct pending_replies *replies)
{
    if (!replies)
        return;
    while (!LIST_EMPTY(&replies->owed)) {
        struct pending_reply *reply = LIST_FIRST(&replies->owed);
        LIST_REMOVE(reply, listed);
        reply_free(reply);
    }
    free(replies);
}

enum reply_outcome {
    REPLY_ANSWERED,
    REPLY_FAILED, /* the node said so */
    REPLY_LATE,
    REPLY_LOST, /* the node went */
};

static void count_inference(const struct pending_reply *reply, enum reply_outcome outcome)
{
    static const enum inference_outcome outcomes[] = { [REPLY_ANSWERED] = INFERENCE_ANSWERED,
                                                       [REPLY_FAILED] = INFERENCE_FAILED,
                                                       [REPLY_LATE] = INFERENCE_LATE,
                                                       [REPLY_LOST] = INFERENCE_LOST };
    const struct broker *broker = reply->replies->broker;
    struct node *node = registry_find(broker->registry, reply->node);
    metrics_inference(broker->metrics, reply->model, reply->node, outcomes[outcome],
                      (double)(clock_ms() - reply->asked_ms) / 1000);
    if (!node)
        return;
    assert(node->pending > 0);
    node->pending--;
    node->load.now.inferences++;
}

/* Takes it off the list first: the callback may ask for more. */
static void finish(struct pending_reply *reply, const cJSON *data, const struct refusal *refusal,
                   enum reply_outcome outcome)
{
    LIST_REMOVE(reply, listed);
    if (reply->asked == MSG_SERVER_INFERENCE)
        count_inference(reply, outcome);
    reply->done(reply->arg, data, refusal);
    reply_free(reply);
}

static void fail(struct pending_reply *reply, int status, const char *why, enum reply_outcome outcome)
{
    struct refusal refusal;
    refuse(&refusal, status, "%s", why);
    finish(reply, NULL, &refusal, outcome);
}

static void on_deadline(void *arg)
{
    struct pending_reply *reply = arg;
    fail(reply, 504, kinds[reply->asked].late, REPLY_LATE);
}

void pending_replies_new_key(struct pending_replies *replies, const char *kind, char key[NAME_SIZE])
{
    int64_t now = clock_wall_ms();
    replies->last_key_ms = now > replies->last_key_ms ? now : replies->last_key_ms + 1;
    snprintf(key, NAME_SIZE, "%s:%lld", kind, (long long)replies->last_key_ms);
}

/* The newest of those that a node owes. NULL: none, or no key. */
static struct pending_reply *find(const struct pending_replies *replies, enum msg_type asked, const char *node,
                                  const char *key)
{
    struct pending_reply *reply = key ? LIST_FIRST(&replies->owed) : NULL;
    for (; reply; reply = LIST_NEXT(reply, listed))
        if (reply->asked == asked && !strcmp(reply->node, node) && !strcmp(reply->key, key))
            return reply;
    return NULL;
}

static struct pending_reply *find_push(const struct pending_replies *replies, const char *sha256)
{
    for (struct pending_reply *reply = LIST_FIRST(&replies->owed); reply; reply = LIST_NEXT(reply, listed))
        if (reply->asked == MSG_SERVER_PUSH && !strcmp(reply->sha256, sha256))
            return reply;
    return NULL;
}

static const char *key_of(const struct msg *msg)
{
    if (msg->type == MSG_SERVER_PUSH)
        return msg->model_name;
    if (msg->type == MSG_GET_JSON)
        return msg->json_name;
    return msg->view_key ? msg->view_key : msg->inference_key;
}

int pending_replies_ask(struct pending_replies *replies, struct node *node, const struct msg *msg, reply_done *done,
                        void *arg, struct refusal *refusal)
{
    const struct pending_reply *under_way = msg->type == MSG_SERVER_PUSH ? find_push(replies, msg->model_sha256) : NULL;
    int64_t now = clock_ms();
    assert(kinds[msg->type].ms && key_of(msg));
    struct pending_reply *reply = calloc(1, sizeof *reply);
    if (!reply)
        return refuse(refusal, 500, "no memory for the request");
    *reply = (struct pending_reply){ .replies = replies, .asked = msg->type, .done = done, .arg = arg };
    reply->asked_ms = now;
    reply->deadline_ms = under_way ? under_way->deadline_ms : now + kinds[msg->type].ms;
    snprintf(reply->node, sizeof reply->node, "%s", under_way ? under_way->node : node->name);
    snprintf(reply->key, sizeof reply->key, "%s", under_way ? under_way->key : key_of(msg));
    snprintf(reply->sha256, sizeof reply->sha256, "%s", msg->type == MSG_SERVER_PUSH ? msg->model_sha256 : "");
    snprintf(reply->model, sizeof reply->model, "%s", msg->model_name ? msg->model_name : "");
    reply->timer = timer_new(replies->broker->base, on_deadline, reply);
    if (!reply->timer) {
        reply_free(reply);
        return refuse(refusal, 500, "no memory for the request");
    }
    timer_start(reply->timer, reply->deadline_ms > now ? reply->deadline_ms - now : 0);
    if (!under_way && link_send(node->link, msg)) {
        reply_free(reply);
        return refuse(refusal, 502, "the node cannot be reached");
    }
    LIST_INSERT_HEAD(&replies->owed, reply, listed);
    node->pending += msg->type == MSG_SERVER_INFERENCE;
    return 0;
}

/* What a message of the node's answers. A legacy node answers GET_JSON with its own name and that of the file. */
static struct pending_reply *find_answered(const struct pending_replies *replies, const struct node *node,
                                           const struct msg *msg)
{
    if (msg->inference_key)
        return find(replies, MSG_SERVER_INFERENCE, node->name, msg->inference_key);
    return find(replies, MSG_GET_JSON, node->name, msg->json_name);
}

void pending_replies_json_response(struct pending_replies *replies, const struct node *node, const struct msg *msg)
{
    struct pending_reply *reply;
    while ((reply = find_answered(replies, node, msg))) /* equal requests have equal answers */
        finish(reply, msg->data, NULL, REPLY_ANSWERED);
}

void pending_replies_view(struct pending_replies *replies, const struct node *node, const struct msg *msg)
{
    static const enum msg_type asked[] = { MSG_GET_DATASET, MSG_GET_IMAGE, MSG_GET_ANSWERS };
    struct pending_reply *reply = NULL;
    for (size_t i = 0; i < sizeof asked / sizeof *asked && !reply; i++)
        reply = find(replies, asked[i], node->name, msg->view_key);
    if (reply && msg->type == MSG_VIEW)
        finish(reply, msg->data, NULL, REPLY_ANSWERED);
    else if (reply)
        fail(reply, msg->status < 0 ? kinds[reply->asked].failed : (int)msg->status, msg->message, REPLY_FAILED);
}

bool pending_replies_error(struct pending_replies *replies, const struct node *node, const struct msg *msg)
{
    const char *why = msg->message ? msg->message : "the node failed without a reason";
    struct pending_reply *reply = find_answered(replies, node, msg);
    if (reply) {
        fail(reply, kinds[reply->asked].failed, why, REPLY_FAILED);
        return true;
    }
    /* A push that failed names its model in the same member; one ERROR is for all who wait for it. */
    bool found = false;
    while ((reply = find(replies, MSG_SERVER_PUSH, node->name, msg->json_name))) {
        fail(reply, kinds[MSG_SERVER_PUSH].failed, why, REPLY_FAILED);
        found = true;
    }
    return found;
}

void pending_replies_node_gone(struct pending_replies *replies, const char *node)
{
    char why[128];
    snprintf(why, sizeof why, "node '%.64s' was lost", node);
    for (struct pending_reply *reply = LIST_FIRST(&replies->owed); reply;) {
        bool owed = !strcmp(reply->node, node);
        if (owed)
            fail(reply, 502, why, REPLY_LOST);
        /* The callback may have changed the list. */
        reply = owed ? LIST_FIRST(&replies->owed) : LIST_NEXT(reply, listed);
    }
}

void pending_replies_blob_complete(struct pending_replies *replies, const char *sha256)
{
    struct pending_reply *reply;
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "sha256", sha256);
    while ((reply = find_push(replies, sha256)))
        finish(reply, data, NULL, REPLY_ANSWERED);
    cJSON_Delete(data);
}
