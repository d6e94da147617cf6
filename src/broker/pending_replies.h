/* Answers that nodes owe: inferences, JSON files, pushed models. Each has a deadline and ends with exactly one
 * callback, at the latest when its node goes. */
#ifndef DCLS_BROKER_PENDING_REPLIES_H
#define DCLS_BROKER_PENDING_REPLIES_H

#include <cjson/cJSON.h>

#include "dcls/proto/msg.h"

#define INFERENCE_MS 15000
#define GET_JSON_MS 5000
#define PUSH_MS 120000 /* of a model's bytes over the network */

struct broker;
struct node;
struct pending_replies;

struct pending_replies *pending_replies_new(struct broker *broker);
void pending_replies_free(struct pending_replies *pending_replies); /* callbacks that wait are dropped */

/* Status 200 and `data` (the caller may detach nothing: it is deleted after), or the status and reason of an error.
 * Called later or at once. */
typedef void request_done(void *arg, int status, const cJSON *data, const char *error);

struct inference_request {
    const char *model;        /* NULL: the newest completed one */
    const char *node;         /* NULL: the least busy that has the model */
    const char *image_path;   /* as shown in the report */
    const char *image_sha256; /* the image is this blob; NULL: the path is in an image folder */
};
/* 404 unknown node, model; 409 ambiguous, or an uploaded image for a legacy node; 502 the node failed; 504 timeout. */
void pending_replies_infer(struct pending_replies *pending_replies, const struct inference_request *request,
                           request_done *done, void *arg);

/* models/NAME/NAME.json of a node. */
void pending_replies_get_json(struct pending_replies *pending_replies, const char *node, const char *json_name,
                              request_done *done, void *arg);

/* Has a node that holds the model upload its .pth as a blob; `data` is {"sha256"}. Done when
 * pending_replies_blob_complete tells of it. `node` NULL: any holder. */
void pending_replies_push(struct pending_replies *pending_replies, const char *model, const char *node,
                          request_done *done, void *arg);
void pending_replies_blob_complete(struct pending_replies *pending_replies, const char *sha256);

/* Deletes a model on every connected node that has it. 200 when the nodes were told, 404, 409 while it is trained. */
void pending_replies_remove(struct pending_replies *pending_replies, const char *model, request_done *done, void *arg);

/* From dispatch. */
void pending_replies_json_response(struct pending_replies *pending_replies, struct node *node, const struct msg *msg);
/* True where the ERROR belonged to a request. */
bool pending_replies_error(struct pending_replies *pending_replies, struct node *node, const struct msg *msg);
void pending_replies_node_gone(struct pending_replies *pending_replies, const char *node);

#endif
