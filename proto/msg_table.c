/* The one table of message types: which fields each has, of what kind and bounds, who sends it, since when. Decoding,
 * encoding and the form for legacy peers are all driven from here. The order of the fields is the order on the wire;
 * it is that of the existing system. */
#include "msg_table.h"

#include <assert.h>

#define AT(member) offsetof(struct msg, member)
#define COUNT_MAX 1e9 /* of epochs, batches, cores */
#define BYTES_MAX 9007199254740991.0
#define TEXT_MAX 4096
#define MESSAGE_MAX 16384
#define LIST_MAX 65536

#define NAME_FIELD(text, member, need)                                                                                 \
    {                                                                                                                  \
        .name = text, .kind = FIELD_NAME, .offset = AT(member), .presence = need                                       \
    }
#define KEY_FIELD(text, member, need)                                                                                  \
    {                                                                                                                  \
        .name = text, .kind = FIELD_KEY, .offset = AT(member), .presence = need                                        \
    }
#define TEXT_FIELD(text, member, need, from)                                                                           \
    {                                                                                                                  \
        .name = text, .kind = FIELD_TEXT, .offset = AT(member), .presence = need, .since = from, .max = TEXT_MAX       \
    }
#define INT_FIELD(text, member, need, low, high)                                                                       \
    {                                                                                                                  \
        .name = text, .kind = FIELD_INT, .offset = AT(member), .presence = need, .since = 1, .min = low, .max = high   \
    }
#define NEW_FIELD(text, of, member, limit)                                                                             \
    {                                                                                                                  \
        .name = text, .kind = of, .offset = AT(member), .since = 1, .max = limit                                       \
    }
#define MESSAGE_FIELD                                                                                                  \
    {                                                                                                                  \
        .name = "message", .kind = FIELD_MESSAGE, .offset = AT(message), .presence = FIELD_REQUIRED,                   \
        .max = MESSAGE_MAX                                                                                             \
    }
#define MODELS_FIELD(need)                                                                                             \
    {                                                                                                                  \
        .name = "models", .kind = FIELD_NAMES, .offset = AT(models), .presence = need, .max = LIST_MAX                 \
    }
#define JSON_FIELD(text, of, member, need)                                                                             \
    {                                                                                                                  \
        .name = text, .kind = of, .offset = AT(member), .presence = need                                               \
    }
#define OPTIONS_FIELD(need)                                                                                            \
    {                                                                                                                  \
        .name = "options", .kind = FIELD_OPTIONS, .offset = AT(options), .presence = need                              \
    }

/* A job's coordinates, of every message about one. */
#define JOB_FIELDS                                                                                                     \
    NEW_FIELD("job", FIELD_KEY, job, 0), INT_FIELD("generation", generation, FIELD_OPTIONAL, 0, COUNT_MAX)
#define MODEL_INFO_FIELD NEW_FIELD("modelInfo", FIELD_OBJECTS, model_info, 0)

static const struct field client_connect[] = {
    NAME_FIELD("name", name, FIELD_REQUIRED),
    INT_FIELD("protocol", protocol, FIELD_OPTIONAL, 1, 1000),
    NEW_FIELD("version", FIELD_TEXT, version, 64),
    NEW_FIELD("features", FIELD_TEXTS, features, 256),
    NEW_FIELD("instance", FIELD_KEY, instance, 0),
    NEW_FIELD("addresses", FIELD_TEXTS, addresses, 64),
    INT_FIELD("cores", cores, FIELD_OPTIONAL, 0, COUNT_MAX),
    NEW_FIELD("cpu", FIELD_TEXT, cpu, 256),
    INT_FIELD("memory", memory, FIELD_OPTIONAL, 0, BYTES_MAX),
    NEW_FIELD("dataset", FIELD_OBJECT, dataset, 0),
};
static const struct field server_ack[] = {
    INT_FIELD("protocol", protocol, FIELD_OPTIONAL, 1, 1000),
    NEW_FIELD("version", FIELD_TEXT, version, 64),
    NEW_FIELD("features", FIELD_TEXTS, features, 256),
    INT_FIELD("apiPort", api_port, FIELD_OPTIONAL, 1, 65535),
};
static const struct field node_info[] = {
    NAME_FIELD("name", name, FIELD_OPTIONAL),
    MODELS_FIELD(FIELD_WITH_NAME),
    MODEL_INFO_FIELD,
    NEW_FIELD("jobs", FIELD_OBJECTS, jobs, 0),
    NEW_FIELD("dataset", FIELD_OBJECT, dataset, 0),
};
static const struct field only_name[] = { NAME_FIELD("name", name, FIELD_REQUIRED) };
static const struct field server_train[] = {
    NAME_FIELD("modelName", model_name, FIELD_REQUIRED),
    TEXT_FIELD("modelType", model_type, FIELD_REQUIRED, 0),
    OPTIONS_FIELD(FIELD_REQUIRED),
    KEY_FIELD("train_key", train_key, FIELD_REQUIRED),
    JOB_FIELDS,
};
static const struct field training_completed[] = {
    NAME_FIELD("name", name, FIELD_OPTIONAL),
    KEY_FIELD("train_key", train_key, FIELD_REQUIRED),
    NAME_FIELD("model_name", model_name, FIELD_REQUIRED),
    JSON_FIELD("data", FIELD_OBJECT, data, FIELD_REQUIRED),
    JOB_FIELDS,
    NEW_FIELD("report", FIELD_OBJECT, report, 0),
    MODEL_INFO_FIELD,
};
static const struct field new_model_added[] = {
    NAME_FIELD("name", name, FIELD_REQUIRED),
    NAME_FIELD("new_model", new_model, FIELD_REQUIRED),
    MODELS_FIELD(FIELD_REQUIRED),
    MODEL_INFO_FIELD,
};
static const struct field server_inference[] = {
    KEY_FIELD("inference_key", inference_key, FIELD_REQUIRED), TEXT_FIELD("image_path", image_path, FIELD_REQUIRED, 0),
    NAME_FIELD("model_name", model_name, FIELD_REQUIRED),      NEW_FIELD("imageSha256", FIELD_SHA256, image_sha256, 0),
    NEW_FIELD("modelSha256", FIELD_SHA256, model_sha256, 0),
};
static const struct field json_response[] = {
    NAME_FIELD("name", name, FIELD_OPTIONAL),
    KEY_FIELD("inference_key", inference_key, FIELD_ANY_OF),
    NAME_FIELD("json_name", json_name, FIELD_ANY_OF),
    JSON_FIELD("data", FIELD_OBJECT, data, FIELD_REQUIRED),
};
static const struct field get_json[] = {
    NAME_FIELD("name", name, FIELD_REQUIRED),
    NAME_FIELD("json_name", json_name, FIELD_REQUIRED),
};
/* The names in an ERROR may be the very ones that were found bad. */
static const struct field error[] = {
    TEXT_FIELD("name", name, FIELD_OPTIONAL, 0),
    TEXT_FIELD("json_name", json_name, FIELD_OPTIONAL, 0),
    MESSAGE_FIELD,
    TEXT_FIELD("inference_key", inference_key, FIELD_OPTIONAL, 0),
};
static const struct field training_progress[] = {
    NAME_FIELD("name", name, FIELD_OPTIONAL),
    KEY_FIELD("train_key", train_key, FIELD_REQUIRED),
    NAME_FIELD("model_name", model_name, FIELD_OPTIONAL),
    JOB_FIELDS,
    INT_FIELD("epoch", epoch, FIELD_REQUIRED, 0, COUNT_MAX),
    INT_FIELD("epochs", epochs, FIELD_REQUIRED, 0, COUNT_MAX),
    INT_FIELD("batch", batch, FIELD_OPTIONAL, 0, COUNT_MAX),
    INT_FIELD("batches", batches, FIELD_OPTIONAL, 0, COUNT_MAX),
    NEW_FIELD("imagesPerSecond", FIELD_NUMBER, images_per_second, 1e12),
    { .name = "loss", .kind = FIELD_NUMBER, .offset = AT(loss), .since = 1, .min = -1e300, .max = 1e300 },
    NEW_FIELD("accuracy", FIELD_NUMBER, accuracy, 100),
    NEW_FIELD("result", FIELD_OBJECT, result, 0),
    NEW_FIELD("message", FIELD_MESSAGE, message, MESSAGE_MAX),
    NEW_FIELD("notice", FIELD_MESSAGE, notice, MESSAGE_MAX),
};
static const struct field training_failed[] = {
    NAME_FIELD("name", name, FIELD_OPTIONAL),
    KEY_FIELD("train_key", train_key, FIELD_REQUIRED),
    NAME_FIELD("model_name", model_name, FIELD_OPTIONAL),
    JOB_FIELDS,
    MESSAGE_FIELD,
    NEW_FIELD("cancelled", FIELD_BOOL, cancelled, 0),
};
/* SERVER CANCEL and SERVER JOB ACK */
static const struct field which_job[] = { KEY_FIELD("train_key", train_key, FIELD_REQUIRED), JOB_FIELDS };
static const struct field server_push[] = {
    NAME_FIELD("model_name", model_name, FIELD_REQUIRED),
    NEW_FIELD("modelSha256", FIELD_SHA256, model_sha256, 0),
};
static const struct field server_remove[] = { NAME_FIELD("model_name", model_name, FIELD_REQUIRED) };
static const struct field mpi_fence[] = {
    KEY_FIELD("train_key", train_key, FIELD_REQUIRED),
    JOB_FIELDS,
    JSON_FIELD("puts", FIELD_OBJECT, puts, FIELD_REQUIRED),
};
static const struct field worker_train[] = {
    NAME_FIELD("modelName", model_name, FIELD_REQUIRED),
    TEXT_FIELD("modelType", model_type, FIELD_REQUIRED, 1),
    OPTIONS_FIELD(FIELD_OPTIONAL),
    KEY_FIELD("train_key", train_key, FIELD_REQUIRED),
    JOB_FIELDS,
    TEXT_FIELD("dataDir", data_dir, FIELD_REQUIRED, 1),
    TEXT_FIELD("modelsDir", models_dir, FIELD_REQUIRED, 1),
    TEXT_FIELD("weightsFile", weights_file, FIELD_OPTIONAL, 1),
    NEW_FIELD("notice", FIELD_MESSAGE, notice, MESSAGE_MAX),
    INT_FIELD("threads", threads, FIELD_OPTIONAL, 0, 1024),
};
static const struct field worker_inference[] = {
    KEY_FIELD("inference_key", inference_key, FIELD_REQUIRED), TEXT_FIELD("image_path", image_path, FIELD_REQUIRED, 1),
    TEXT_FIELD("imageFile", image_file, FIELD_REQUIRED, 1),    NAME_FIELD("model_name", model_name, FIELD_REQUIRED),
    TEXT_FIELD("modelsDir", models_dir, FIELD_REQUIRED, 1),    INT_FIELD("threads", threads, FIELD_OPTIONAL, 0, 1024),
};

#define FIELDS(list) .fields = list, .field_count = sizeof list / sizeof list[0]

const struct msg_spec msg_table[MSG_TYPE_COUNT] = {
    [MSG_CLIENT_CONNECT] = { "CLIENT CONNECT", .senders = MSG_BY_NODE, FIELDS(client_connect) },
    [MSG_SERVER_ACK] = { "SERVER ACK", .senders = MSG_BY_BROKER, FIELDS(server_ack) },
    [MSG_NODE_INFO] = { "NODE INFO", .senders = MSG_BY_NODE | MSG_BY_BROKER, FIELDS(node_info) },
    [MSG_CLIENT_PING] = { "CLIENT PING", .senders = MSG_BY_NODE, FIELDS(only_name) },
    [MSG_SERVER_PONG] = { "SERVER PONG", .senders = MSG_BY_BROKER },
    [MSG_SERVER_PING] = { "SERVER PING", .senders = MSG_BY_BROKER },
    [MSG_CLIENT_PONG] = { "CLIENT PONG", .senders = MSG_BY_NODE, FIELDS(only_name) },
    [MSG_CLIENT_DISCONNECT] = { "CLIENT DISCONNECT", .senders = MSG_BY_NODE, FIELDS(only_name) },
    [MSG_SERVER_TRAIN] = { "SERVER TRAIN", .senders = MSG_BY_BROKER, FIELDS(server_train) },
    [MSG_TRAINING_COMPLETED] = { "TRAINING_COMPLETED", "TRAINING COMPLETED", .senders = MSG_BY_NODE | MSG_BY_WORKER,
                                 FIELDS(training_completed) },
    [MSG_NEW_MODEL_ADDED] = { "NEW MODEL ADDED", .senders = MSG_BY_NODE, FIELDS(new_model_added) },
    [MSG_SERVER_INFERENCE] = { "SERVER INFERENCE", .senders = MSG_BY_BROKER, FIELDS(server_inference) },
    [MSG_JSON_RESPONSE] = { "JSON_RESPONSE", .senders = MSG_BY_NODE | MSG_BY_WORKER, FIELDS(json_response) },
    [MSG_GET_JSON] = { "GET_JSON", .senders = MSG_BY_BROKER, FIELDS(get_json) },
    [MSG_ERROR] = { "ERROR", .senders = MSG_BY_NODE | MSG_BY_BROKER | MSG_BY_WORKER, FIELDS(error) },
    [MSG_TRAINING_PROGRESS] = { "TRAINING PROGRESS", .since = 1, .senders = MSG_BY_NODE | MSG_BY_WORKER,
                                FIELDS(training_progress) },
    [MSG_TRAINING_FAILED] = { "TRAINING FAILED", .since = 1, .senders = MSG_BY_NODE | MSG_BY_WORKER,
                              FIELDS(training_failed) },
    [MSG_SERVER_CANCEL] = { "SERVER CANCEL", .since = 1, .senders = MSG_BY_BROKER, FIELDS(which_job) },
    [MSG_SERVER_JOB_ACK] = { "SERVER JOB ACK", .since = 1, .senders = MSG_BY_BROKER, FIELDS(which_job) },
    [MSG_SERVER_PUSH] = { "SERVER PUSH", .since = 1, .senders = MSG_BY_BROKER, FIELDS(server_push) },
    [MSG_SERVER_REMOVE] = { "SERVER REMOVE", .since = 1, .senders = MSG_BY_BROKER, FIELDS(server_remove) },
    [MSG_MPI_FENCE] = { "MPI FENCE", .since = 1, .senders = MSG_BY_NODE | MSG_BY_BROKER, FIELDS(mpi_fence) },
    [MSG_WORKER_TRAIN] = { "WORKER TRAIN", .since = 1, .senders = MSG_TO_WORKER, FIELDS(worker_train) },
    [MSG_WORKER_INFERENCE] = { "WORKER INFERENCE", .since = 1, .senders = MSG_TO_WORKER, FIELDS(worker_inference) },
};

const char *msg_type_name(enum msg_type type)
{
    assert((unsigned)type < MSG_TYPE_COUNT);
    return msg_table[type].name;
}

unsigned msg_senders(enum msg_type type)
{
    assert((unsigned)type < MSG_TYPE_COUNT);
    return msg_table[type].senders;
}
