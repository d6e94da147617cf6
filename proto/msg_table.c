/* The one table of message types: which fields each has, of what kind and bounds, who sends it, since when. Decoding,
 * encoding and the form for legacy peers are all driven from here. The order of the fields is the order on the wire;
 * it is that of the existing system. */
#include "msg_table.h"

#include <assert.h>

#include "dcls/base/cpus.h"
#include "dcls/base/notices.h"
#include "dcls/base/thumbnail_width.h"

#define COUNT_MAX 1e9 /* of epochs, batches, cores */
#define BYTES_MAX 9007199254740991.0
#define TEXT_MAX 4096
#define MESSAGE_MAX FIELD_MESSAGE_MAX
#define LIST_MAX 65536

#define ANY(text, of, member, need) .name = text, .kind = of, .offset = offsetof(struct msg, member), .presence = need
#define NAME(text, member, need) ANY(text, FIELD_NAME, member, need)
#define KEY(text, member, need) ANY(text, FIELD_KEY, member, need)
#define TEXT(text, member, need, from) ANY(text, FIELD_TEXT, member, need), .since = from, .max = TEXT_MAX
#define INT(text, member, need, low, high) ANY(text, FIELD_INT, member, need), .since = 1, .min = low, .max = high
#define NEW(text, of, member, limit) ANY(text, of, member, FIELD_OPTIONAL), .since = 1, .max = limit
#define MESSAGE ANY("message", FIELD_MESSAGE, message, FIELD_REQUIRED), .max = MESSAGE_MAX
#define MODELS(need) ANY("models", FIELD_NAMES, models, need), .max = LIST_MAX
#define MODEL_INFO NEW("modelInfo", FIELD_OBJECTS, model_info, 0)
#define OPTIONS(need) ANY("options", FIELD_OPTIONS, options, need)

/* A job's coordinates, of every message about one. */
#define JOB NEW("job", FIELD_KEY, job, 0)
#define GENERATION INT("generation", generation, FIELD_OPTIONAL, 0, COUNT_MAX)
/* The process of a node: in CLIENT CONNECT the one that connects, of a training the one that was given it. */
#define INSTANCE NEW("instance", FIELD_KEY, instance, 0)

static const struct field client_connect[] = {
    { NAME("name", name, FIELD_REQUIRED) },
    { INT("protocol", protocol, FIELD_OPTIONAL, 1, 1000) },
    { NEW("version", FIELD_TEXT, version, 64) },
    { NEW("features", FIELD_TEXTS, features, 256) },
    { INSTANCE },
    { NEW("secret", FIELD_SHA256, secret, 0) },
    { NEW("addresses", FIELD_TEXTS, addresses, 64) },
    { INT("cores", cores, FIELD_OPTIONAL, 0, COUNT_MAX) },
    { NEW("cpu", FIELD_TEXT, cpu, 256) },
    { INT("memory", memory, FIELD_OPTIONAL, 0, BYTES_MAX) },
    { NEW("dataset", FIELD_OBJECT, dataset, 0) },
};
static const struct field server_ack[] = {
    { INT("protocol", protocol, FIELD_OPTIONAL, 1, 1000) },
    { NEW("version", FIELD_TEXT, version, 64) },
    { NEW("features", FIELD_TEXTS, features, 256) },
    { INT("apiPort", api_port, FIELD_OPTIONAL, 1, 65535) },
};
static const struct field node_info[] = {
    { NAME("name", name, FIELD_OPTIONAL) },
    { MODELS(FIELD_WITH_NAME) },
    { MODEL_INFO },
    { NEW("jobs", FIELD_OBJECTS, jobs, 0) },
    { NEW("dataset", FIELD_OBJECT, dataset, 0) },
};
static const struct field only_name[] = { { NAME("name", name, FIELD_REQUIRED) } };
/* CLIENT PING and CLIENT PONG */
static const struct field sign_of_life[] = { { NAME("name", name, FIELD_REQUIRED) },
                                             { NEW("load", FIELD_OBJECT, load, 0) } };
static const struct field server_train[] = {
    { NAME("modelName", model_name, FIELD_REQUIRED) },
    { TEXT("modelType", model_type, FIELD_REQUIRED, 0) },
    { OPTIONS(FIELD_REQUIRED) },
    { KEY("train_key", train_key, FIELD_REQUIRED) },
    { JOB },
    { GENERATION },
};
static const struct field training_completed[] = {
    { NAME("name", name, FIELD_OPTIONAL) },
    { KEY("train_key", train_key, FIELD_REQUIRED) },
    { NAME("model_name", model_name, FIELD_REQUIRED) },
    { ANY("data", FIELD_OBJECT, data, FIELD_REQUIRED) },
    { JOB },
    { GENERATION },
    { INSTANCE },
    { NEW("report", FIELD_OBJECT, report, 0) },
    { MODEL_INFO },
};
static const struct field new_model_added[] = {
    { NAME("name", name, FIELD_REQUIRED) },
    { NAME("new_model", new_model, FIELD_REQUIRED) },
    { MODELS(FIELD_REQUIRED) },
    { MODEL_INFO },
};
static const struct field server_inference[] = {
    { KEY("inference_key", inference_key, FIELD_REQUIRED) }, { TEXT("image_path", image_path, FIELD_REQUIRED, 0) },
    { NAME("model_name", model_name, FIELD_REQUIRED) },      { NEW("imageSha256", FIELD_SHA256, image_sha256, 0) },
    { NEW("modelSha256", FIELD_SHA256, model_sha256, 0) },
};
static const struct field json_response[] = {
    { NAME("name", name, FIELD_OPTIONAL) },
    { KEY("inference_key", inference_key, FIELD_ANY_OF) },
    { NAME("json_name", json_name, FIELD_ANY_OF) },
    { ANY("data", FIELD_OBJECT, data, FIELD_REQUIRED) },
};
static const struct field get_json[] = {
    { NAME("name", name, FIELD_REQUIRED) },
    { NAME("json_name", json_name, FIELD_REQUIRED) },
};
/* The names in an ERROR may be the very ones that were found bad. */
static const struct field error[] = {
    { TEXT("name", name, FIELD_OPTIONAL, 0) },
    { TEXT("json_name", json_name, FIELD_OPTIONAL, 0) },
    { MESSAGE },
    { TEXT("inference_key", inference_key, FIELD_OPTIONAL, 0) },
};
static const struct field training_progress[] = {
    { NAME("name", name, FIELD_OPTIONAL) },
    { KEY("train_key", train_key, FIELD_REQUIRED) },
    { NAME("model_name", model_name, FIELD_OPTIONAL) },
    { JOB },
    { GENERATION },
    { INSTANCE },
    { INT("epoch", epoch, FIELD_REQUIRED, 0, COUNT_MAX) },
    { INT("epochs", epochs, FIELD_REQUIRED, 0, COUNT_MAX) },
    { INT("batch", batch, FIELD_OPTIONAL, 0, COUNT_MAX) },
    { INT("batches", batches, FIELD_OPTIONAL, 0, COUNT_MAX) },
    { NEW("imagesPerSecond", FIELD_NUMBER, images_per_second, 1e12) },
    { NEW("loss", FIELD_NUMBER, loss, 1e300), .min = -1e300 },
    { NEW("accuracy", FIELD_NUMBER, accuracy, 100) },
    { NEW("result", FIELD_OBJECT, result, 0) },
    { NEW("message", FIELD_MESSAGE, message, MESSAGE_MAX) },
    { NEW("notice", FIELD_MESSAGE, notice, MESSAGE_MAX) },
};
static const struct field training_failed[] = {
    { NAME("name", name, FIELD_OPTIONAL) },
    { KEY("train_key", train_key, FIELD_REQUIRED) },
    { NAME("model_name", model_name, FIELD_OPTIONAL) },
    { JOB },
    { GENERATION },
    { INSTANCE },
    { MESSAGE },
    { NEW("cancelled", FIELD_BOOL, cancelled, 0) },
};
/* SERVER CANCEL and SERVER JOB ACK */
static const struct field which_job[] = { { KEY("train_key", train_key, FIELD_REQUIRED) }, { JOB }, { GENERATION } };
/* SERVER PUSH and SERVER REMOVE */
static const struct field which_model[] = {
    { NAME("model_name", model_name, FIELD_REQUIRED) },
    { NEW("modelSha256", FIELD_SHA256, model_sha256, 0) },
};
static const struct field model_removed[] = {
    { NAME("name", name, FIELD_OPTIONAL) },
    { NAME("model_name", model_name, FIELD_REQUIRED) },
    { NEW("modelSha256", FIELD_SHA256, model_sha256, 0) },
};
static const struct field remove_failed[] = {
    { NAME("name", name, FIELD_OPTIONAL) },
    { NAME("model_name", model_name, FIELD_REQUIRED) },
    { NEW("modelSha256", FIELD_SHA256, model_sha256, 0) },
    { MESSAGE },
};
#define VIEW_KEY KEY("view_key", view_key, FIELD_REQUIRED), .since = 1
static const struct field get_dataset[] = { { VIEW_KEY } };
static const struct field get_image[] = {
    { VIEW_KEY },
    { ANY("split", FIELD_TEXT, split, FIELD_REQUIRED), .since = 1, .max = 16 },
    { INT("index", index, FIELD_REQUIRED, 0, COUNT_MAX) },
    { INT("width", width, FIELD_REQUIRED, THUMBNAIL_WIDTH_MIN, THUMBNAIL_WIDTH_MAX) },
};
static const struct field get_answers[] = {
    { VIEW_KEY },
    { NAME("model_name", model_name, FIELD_REQUIRED) },
    { NEW("label", FIELD_TEXT, label, 256) },
    { NEW("predicted", FIELD_TEXT, predicted, 256) },
    { NEW("wrong", FIELD_BOOL, wrong, 0) },
    { INT("limit", limit, FIELD_REQUIRED, 1, 1000) },
    { INT("offset", offset, FIELD_REQUIRED, 0, COUNT_MAX) },
};
static const struct field view[] = {
    { NAME("name", name, FIELD_OPTIONAL) },
    { VIEW_KEY },
    { ANY("data", FIELD_OBJECT, data, FIELD_REQUIRED), .since = 1 },
};
static const struct field view_failed[] = {
    { NAME("name", name, FIELD_OPTIONAL) },
    { VIEW_KEY },
    { INT("status", status, FIELD_OPTIONAL, 400, 599) },
    { MESSAGE },
};
static const struct field mpi_fence[] = {
    { KEY("train_key", train_key, FIELD_REQUIRED) },
    { JOB },
    { GENERATION },
    { ANY("puts", FIELD_OBJECT, puts, FIELD_REQUIRED) },
};
static const struct field worker_train[] = {
    { NAME("modelName", model_name, FIELD_REQUIRED) },
    { TEXT("modelType", model_type, FIELD_REQUIRED, 1) },
    { OPTIONS(FIELD_OPTIONAL) },
    { KEY("train_key", train_key, FIELD_REQUIRED) },
    { JOB },
    { GENERATION },
    { TEXT("dataDir", data_dir, FIELD_REQUIRED, 1) },
    { TEXT("modelsDir", models_dir, FIELD_REQUIRED, 1) },
    { TEXT("weightsFile", weights_file, FIELD_OPTIONAL, 1) },
    { NEW("notices", FIELD_MESSAGES, notices, NOTICES_MAX) },
    { INT("threads", threads, FIELD_OPTIONAL, 0, CPUS_MAX) },
};
static const struct field worker_inference[] = {
    { KEY("inference_key", inference_key, FIELD_REQUIRED) }, { TEXT("image_path", image_path, FIELD_REQUIRED, 1) },
    { TEXT("imageFile", image_file, FIELD_REQUIRED, 1) },    { NAME("model_name", model_name, FIELD_REQUIRED) },
    { TEXT("modelsDir", models_dir, FIELD_REQUIRED, 1) },    { INT("threads", threads, FIELD_OPTIONAL, 0, CPUS_MAX) },
};

#define FIELDS(list) .fields = list, .field_count = sizeof list / sizeof list[0]

const struct msg_spec msg_table[MSG_TYPE_COUNT] = {
    [MSG_CLIENT_CONNECT] = { "CLIENT CONNECT", .senders = MSG_BY_NODE, FIELDS(client_connect) },
    [MSG_SERVER_ACK] = { "SERVER ACK", .senders = MSG_BY_BROKER, FIELDS(server_ack) },
    [MSG_NODE_INFO] = { "NODE INFO", .senders = MSG_BY_NODE | MSG_BY_BROKER, FIELDS(node_info) },
    [MSG_CLIENT_PING] = { "CLIENT PING", .senders = MSG_BY_NODE, FIELDS(sign_of_life) },
    [MSG_SERVER_PONG] = { "SERVER PONG", .senders = MSG_BY_BROKER },
    [MSG_SERVER_PING] = { "SERVER PING", .senders = MSG_BY_BROKER },
    [MSG_CLIENT_PONG] = { "CLIENT PONG", .senders = MSG_BY_NODE, FIELDS(sign_of_life) },
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
    [MSG_SERVER_PUSH] = { "SERVER PUSH", .since = 1, .senders = MSG_BY_BROKER, FIELDS(which_model) },
    [MSG_SERVER_REMOVE] = { "SERVER REMOVE", .since = 1, .senders = MSG_BY_BROKER, FIELDS(which_model) },
    [MSG_MODEL_REMOVED] = { "MODEL REMOVED", .since = 1, .senders = MSG_BY_NODE, FIELDS(model_removed) },
    [MSG_REMOVE_FAILED] = { "REMOVE FAILED", .since = 1, .senders = MSG_BY_NODE, FIELDS(remove_failed) },
    [MSG_GET_DATASET] = { "GET_DATASET", .since = 1, .senders = MSG_BY_BROKER, FIELDS(get_dataset) },
    [MSG_GET_IMAGE] = { "GET_IMAGE", .since = 1, .senders = MSG_BY_BROKER, FIELDS(get_image) },
    [MSG_GET_ANSWERS] = { "GET_ANSWERS", .since = 1, .senders = MSG_BY_BROKER, FIELDS(get_answers) },
    [MSG_VIEW] = { "VIEW", .since = 1, .senders = MSG_BY_NODE, FIELDS(view) },
    [MSG_VIEW_FAILED] = { "VIEW FAILED", .since = 1, .senders = MSG_BY_NODE, FIELDS(view_failed) },
    [MSG_MPI_FENCE] = { "MPI FENCE", .since = 1, .senders = MSG_BY_NODE | MSG_BY_BROKER, FIELDS(mpi_fence) },
    [MSG_WORKER_TRAIN] = { "WORKER TRAIN", .since = 1, .senders = MSG_TO_WORKER, FIELDS(worker_train) },
    [MSG_WORKER_INFERENCE] = { "WORKER INFERENCE", .since = 1, .senders = MSG_TO_WORKER, FIELDS(worker_inference) },
    [MSG_WORKER_ALIVE] = { "WORKER ALIVE", .since = 1, .senders = MSG_BY_WORKER },
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
