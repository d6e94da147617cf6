/* Answers that nodes owe: inferences, reports and uploads of models, views of datasets and of answers. Each has a
 * deadline and ends with exactly one callback: when the answer is there, the node fails, the deadline passes or the
 * node goes. */
#ifndef DCLS_BROKER_PENDING_REPLIES_H
#define DCLS_BROKER_PENDING_REPLIES_H

#include <cjson/cJSON.h>

#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"
#include "refusal.h"

struct broker;
struct node;
struct pending_replies;

struct pending_replies *pending_replies_new(struct broker *broker);
void pending_replies_free(struct pending_replies *replies); /* callbacks that wait are dropped */

/* Either `data`, the caller's to copy, with `refusal` NULL, or why there is none: 404 or 502 (the node failed or went),
 * 504 (it was too late), or what VIEW FAILED says. */
typedef void reply_done(void *arg, const cJSON *data, const struct refusal *refusal);

/* A key that nothing had before: "inference:…", or what else `kind` is. */
void pending_replies_new_key(struct pending_replies *replies, const char *kind, char key[NAME_SIZE]);
/* Sends SERVER INFERENCE, GET_JSON, SERVER PUSH, GET_DATASET, GET_IMAGE or GET_ANSWERS to the node; `done` is called
 * once, later. A model that is being pushed already, by whichever node, is not asked for again. -1: refused, with 500
 * or 502. */
int pending_replies_ask(struct pending_replies *replies, struct node *node, const struct msg *msg, reply_done *done,
                        void *arg, struct refusal *refusal);

/* From dispatch: an answer; an ERROR (false where it belonged to nothing that was owed); the node is gone. */
void pending_replies_json_response(struct pending_replies *replies, const struct node *node, const struct msg *msg);
/* VIEW and VIEW FAILED. */
void pending_replies_view(struct pending_replies *replies, const struct node *node, const struct msg *msg);
bool pending_replies_error(struct pending_replies *replies, const struct node *node, const struct msg *msg);
void pending_replies_node_gone(struct pending_replies *replies, const char *node);
/* A blob is complete: it may be a model that was to be pushed. `data` is {"sha256"}. */
void pending_replies_blob_complete(struct pending_replies *replies, const char *sha256);

#endif
