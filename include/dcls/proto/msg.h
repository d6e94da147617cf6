/* The messages between broker, node and worker, as C structs. PROTOCOL.md is the specification;
 * proto/msg_table.c holds the one table of types and fields from which both directions are driven.
 *
 * Conventions: a string, list or JSON member that was absent is NULL (count 0); every integer is 0 or more and absent
 * is -1; an absent number is NAN; a bool is 0, 1 or absent (-1). msg_init sets all that. A message owns what it points
 * to: set strings by msg_set, give JSON away by plain assignment, and call msg_release. */
#ifndef DCLS_PROTO_MSG_H
#define DCLS_PROTO_MSG_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/buf.h"
#include "dcls/base/err.h"
#include "dcls/proto/train_options.h"

#define PROTOCOL_VERSION 1
#define MSG_MAX_LEGACY 4095   /* bytes of a message, towards a peer that announced no protocol */
#define MSG_MAX (1024 * 1024) /* between dcls peers, newline included */

enum msg_type {
    MSG_CLIENT_CONNECT,
    MSG_SERVER_ACK,
    MSG_NODE_INFO,
    MSG_CLIENT_PING,
    MSG_SERVER_PONG,
    MSG_SERVER_PING,
    MSG_CLIENT_PONG,
    MSG_CLIENT_DISCONNECT,
    MSG_SERVER_TRAIN,
    MSG_TRAINING_COMPLETED, /* "TRAINING_COMPLETED"; "TRAINING COMPLETED" is accepted too */
    MSG_NEW_MODEL_ADDED,
    MSG_SERVER_INFERENCE,
    MSG_JSON_RESPONSE,
    MSG_GET_JSON,
    MSG_ERROR,
    /* since protocol 1 */
    MSG_TRAINING_PROGRESS,
    MSG_TRAINING_FAILED,
    MSG_SERVER_CANCEL,
    MSG_SERVER_JOB_ACK,
    MSG_SERVER_PUSH,   /* upload this model's .pth as a blob to the broker */
    MSG_SERVER_REMOVE, /* delete this model; answered by one of the next two */
    MSG_MODEL_REMOVED,
    MSG_REMOVE_FAILED,
    MSG_GET_DATASET, /* what is in the node's dataset; one of its images; what a model answered on the test images */
    MSG_GET_IMAGE,
    MSG_GET_ANSWERS,
    MSG_VIEW, /* answers each of these, or else the next does */
    MSG_VIEW_FAILED,
    MSG_MPI_FENCE, /* reserved: of jobs with several ranks */
    /* between a node and its worker only, refused from a socket */
    MSG_WORKER_TRAIN,
    MSG_WORKER_INFERENCE,
    MSG_WORKER_ALIVE, /* a sign of life, whatever the worker computes */
    MSG_TYPE_COUNT
};

struct strings {
    char **items;
    size_t count;
};

/* One struct for all types: the members' comments say the JSON name where it differs and which types carry it. */
struct msg {
    enum msg_type type;
    /* names and keys */
    char *name;       /* the node */
    char *model_name; /* "modelName" in SERVER TRAIN and WORKER TRAIN, else "model_name" */
    char *model_type; /* "modelType" */
    char *train_key;
    char *inference_key;
    char *view_key;
    char *json_name;
    char *new_model;
    char *message;    /* ERROR, TRAINING FAILED, REMOVE FAILED, VIEW FAILED; TRAINING PROGRESS: what is done before the
                         first batch */
    char *notice;     /* TRAINING PROGRESS: what people should know of the training */
    char *image_path; /* virtual, SERVER INFERENCE */
    char *image_sha256; /* "imageSha256": the image is this blob of the broker's */
    char *model_sha256; /* "modelSha256" */
    /* GET_IMAGE, GET_ANSWERS, VIEW FAILED */
    char *split, *label, *predicted; /* "train" or "test"; names of classes */
    int64_t index, width, limit, offset;
    int64_t status; /* as of HTTP */
    int wrong;      /* only answers that are not the label */
    /* CLIENT CONNECT, SERVER ACK */
    char *version;
    char *instance; /* of progress and outcomes: the process that was given the training */
    char *secret;   /* CLIENT CONNECT; never logged, never shown */
    char *cpu;
    struct strings models, features, addresses;
    struct strings notices;                    /* WORKER TRAIN: as `notice`, those that were told already */
    int64_t protocol, cores, memory, api_port; /* "apiPort"; memory in bytes */
    cJSON *load;                               /* object {"cpu","memoryUsed","queue"}: CLIENT PING and CLIENT PONG */
    cJSON *dataset; /* object {"images","classes"}: of the node, in CLIENT CONNECT and NODE INFO */
    /* jobs */
    char *job; /* the broker's job id */
    int64_t generation;
    int64_t epoch, epochs, batch, batches;
    double images_per_second, loss, accuracy; /* "imagesPerSecond" */
    cJSON *result;                            /* one epoch's object, as in the report; present when an epoch ended */
    cJSON *data;                              /* TRAINING_COMPLETED, JSON_RESPONSE, VIEW */
    cJSON *report;                            /* TRAINING_COMPLETED: the whole report */
    cJSON *model_info; /* "modelInfo": array of {"name","sha256","type","classes":[...],"imageSize","bytes"} */
    cJSON *jobs;       /* NODE INFO: array of unacknowledged outcomes and running jobs (see PROTOCOL.md) */
    int cancelled;     /* TRAINING FAILED */
    struct train_options options; /* SERVER TRAIN, WORKER TRAIN: members at the message's top level; else zero */
    /* node and worker: real paths */
    char *data_dir, *models_dir, *weights_file, *image_file; /* "dataDir" … */
    int64_t threads;
    cJSON *puts; /* MPI FENCE */
};

void msg_init(struct msg *msg, enum msg_type type);
/* A message about the training that `about` is about: its key, job, generation and model. -1 where memory lacks; to be
 * released all the same. */
int msg_init_about(struct msg *msg, enum msg_type type, const struct msg *about);
void msg_release(struct msg *msg);

/* Copies `text` into a string member (&msg.name): frees what was there; NULL clears. -1 where memory lacks. */
int msg_set(char **member, const char *text);
int strings_add(struct strings *strings, const char *text);
bool strings_has(const struct strings *strings, const char *text);
/* False where it was not there. The last one takes its place. */
bool strings_remove(struct strings *strings, const char *text);
void strings_release(struct strings *strings);

const char *msg_type_name(enum msg_type type);

/* Who sends a type, as bits. MSG_TO_WORKER: a node to its worker, so never over a socket between machines. */
enum msg_sender { MSG_BY_NODE = 1, MSG_BY_BROKER = 2, MSG_BY_WORKER = 4, MSG_TO_WORKER = 8 };
unsigned msg_senders(enum msg_type type);

/* Parses one JSON text (no newline needed). Unknown members are ignored, of members with one name the first counts,
 * null is as good as absent; an unknown type, a lacking or ill-typed or out-of-bounds field, a bad name: -1, err says
 * which. `msg` is initialised always and must be released. */
int msg_decode(struct msg *msg, const char *text, size_t len, struct err *err);

/* Appends the message and a newline to `out`, fields in the table's order, spaced as Python's json.dumps. What the
 * decoder would refuse is not sent: -1, `out` as before; only a `message` too long is cut, and a number that is not
 * finite left out. */
int msg_encode(const struct msg *msg, struct buf *out, struct err *err);

/* Whether a legacy peer answers it, so that the next message to that peer has to wait. */
bool msg_wants_answer(enum msg_type type);

/* The legacy form of a message: only REFERENCE fields, at most MSG_MAX_LEGACY bytes; an over-long `data` is shortened
 * (output_contents keeps its last lines, a report drops optional fields, then middle epochs, and says
 * "truncated": true). -1 where it cannot be made to fit. */
int msg_encode_legacy(const struct msg *msg, struct buf *out, struct err *err);

#endif
