/* Which node is asked about a model: to classify with it, for its report, for its bytes, for its answers on the test
 * images; and what a node is asked about its dataset. The answer is the node's. */
#ifndef DCLS_BROKER_INFERENCE_ROUTER_H
#define DCLS_BROKER_INFERENCE_ROUTER_H

#include <stdbool.h>

#include "pending_replies.h"

struct inference_request {
    const char *model;        /* NULL: the newest completed one */
    const char *node;         /* NULL: the least busy that has the model */
    const char *image_path;   /* as shown in the report */
    const char *image_sha256; /* the image is this blob; NULL: the path is in an image folder */
};

/* Each: -1: refused, with 404 (unknown node or model), 409 (ambiguous, or the node does not offer it), 500 or 502. Else
 * `done` is called once, later. `asked` is which node it is; empty where none was found. */
int inference_router_infer(struct broker *broker, const struct inference_request *request, reply_done *done, void *arg,
                           char asked[NAME_SIZE], struct refusal *refusal);
/* models/NAME/NAME.json of a node. */
int inference_router_report(struct broker *broker, const char *node, const char *model, reply_done *done, void *arg,
                            struct refusal *refusal);
/* Has a node that holds the model upload its .pth as a blob; `data` is {"sha256"}. `node` NULL: any holder. */
int inference_router_push(struct broker *broker, const char *model, const char *node, reply_done *done, void *arg,
                          struct refusal *refusal);

struct answers_request {
    const char *model, *node;      /* node NULL: any that has it */
    const char *label, *predicted; /* classes; NULL: any */
    bool wrong;                    /* only wrong ones */
    int limit, offset;
};
/* `asked`: the node that was asked; empty: none. `data` of this and the next two is a VIEW's, as PROTOCOL.md has it. */
int inference_router_answers(struct broker *broker, const struct answers_request *request, reply_done *done, void *arg,
                             char asked[NAME_SIZE], struct refusal *refusal);

int inference_router_dataset(struct broker *broker, const char *node, reply_done *done, void *arg,
                             struct refusal *refusal);

struct image_request {
    const char *node, *split; /* "train" or "test" */
    int index, width;         /* of the split, from 0; pixels at most */
};
int inference_router_image(struct broker *broker, const struct image_request *request, reply_done *done, void *arg,
                           struct refusal *refusal);

#endif
