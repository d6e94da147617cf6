/* GET and PUT /blobs/SHA256: the bytes of the blob store, and of images by their hash: of uploaded ones that wait for
 * their answer, and of the image folder's files. */
#include <stdlib.h>
#include <string.h>

#include "blob_refs.h"
#include "handlers.h"
#include "query_number.h"
#include "src/broker/blobs.h"
#include "src/broker/broker.h"
#include "src/broker/datasets.h"
#include "src/broker/lanes.h"
#include "src/broker/pending_replies.h"
#include "uploads.h"

struct blob_access {
    struct exchange *exchange;
    const char *sha256;
    struct blob_state state;
    int fd; /* of a read */
    int64_t offset, size;
    char *bytes; /* of a write */
    size_t count;
    struct strings in_use;
    enum blob_result result;
};

static void access_release(void *context)
{
    struct blob_access *access = context;
    strings_release(&access->in_use);
    free(access->bytes);
}

/* NULL after an answer was given. */
static struct blob_access *access_new(struct exchange *exchange)
{
    const char *sha256 = exchange->args[0];
    if (!sha256_is_hex(sha256)) {
        exchange_error(exchange, 400, "'%.80s' is no SHA-256 in lower-case hex", sha256);
        return NULL;
    }
    struct blob_access *access = exchange_context(exchange, sizeof *access, access_release);
    if (access) {
        access->exchange = exchange;
        access->sha256 = sha256;
    }
    return access;
}

/* Answers with what there is of the blob, and `error` where it is not NULL. */
static void answer_state(const struct blob_access *access, int status, const char *error)
{
    cJSON *object = cJSON_CreateObject();
    bool whole = cJSON_AddStringToObject(object, "sha256", access->sha256) &&
                 cJSON_AddNumberToObject(object, "size", (double)access->state.held) &&
                 cJSON_AddBoolToObject(object, "complete", access->state.complete) &&
                 (!error || cJSON_AddStringToObject(object, "error", error));
    exchange_object(access->exchange, status, object, whole);
}

static int run_open(void *arg, const atomic_bool *stop, struct err *err)
{
    struct blob_access *access = arg;
    const struct http *http = access->exchange->http;
    (void)stop;
    access->fd = blobs_open(http->blobs, access->sha256, &access->size);
    if (access->fd < 0)
        access->fd = manifest_open(http->manifest, access->sha256, &access->size);
    return access->fd < 0 ? err_set(err, "there is no blob '%s'", access->sha256) : 0;
}

static void done_open(void *arg, int result, const struct err *err)
{
    struct blob_access *access = arg;
    if (result)
        exchange_error(access->exchange, 404, "%s", err->text);
    else
        exchange_tagged_file(access->exchange, access->fd, access->size, "application/octet-stream", access->sha256,
                             true);
}

static int run_stat(void *arg, const atomic_bool *stop, struct err *err)
{
    struct blob_access *access = arg;
    (void)stop, (void)err;
    blobs_stat(access->exchange->http->blobs, access->sha256, &access->state);
    return 0;
}

static void done_stat(void *arg, int result, const struct err *err)
{
    (void)result, (void)err;
    answer_state(arg, 200, NULL);
}

void handle_blob_get(struct exchange *exchange)
{
    bool stat = exchange_query(exchange, "stat");
    struct shared_bytes *upload = stat ? NULL : uploads_find(exchange->http->uploads, exchange->args[0]);
    if (upload)
        exchange_shared(exchange, upload, "application/octet-stream");
    else if (access_new(exchange))
        exchange_submit(exchange, NO_LANE, stat ? run_stat : run_open, stat ? done_stat : done_open);
}

static int run_put(void *arg, const atomic_bool *stop, struct err *err)
{
    struct blob_access *access = arg;
    (void)stop;
    access->result = blobs_put(access->exchange->http->blobs, access->sha256, access->offset, access->size,
                               access->bytes, access->count, &access->in_use, &access->state, err);
    return access->result == BLOB_DONE ? 0 : -1;
}

static void done_put(void *arg, int result, const struct err *err)
{
    struct blob_access *access = arg;
    static const int statuses[] = {
        [BLOB_DONE] = 200, [BLOB_OFFSET] = 409, [BLOB_BAD] = 422, [BLOB_FULL] = 507, [BLOB_ERROR] = 500,
    };
    int status = statuses[access->result];
    if (access->state.complete)
        pending_replies_blob_complete(access->exchange->broker->pending_replies, access->sha256);
    answer_state(access, access->state.complete && !result ? 201 : status, result ? err->text : NULL);
}

void handle_blob_put(struct exchange *exchange)
{
    struct err err = ERR_INIT;
    int64_t offset, size;
    if (query_number(exchange, "offset", 0, INT64_MAX, -1, &offset, &err) ||
        query_number(exchange, "size", 0, INT64_MAX, -1, &size, &err)) {
        exchange_error(exchange, 400, "%s", err.text);
        return;
    }
    if (offset < 0 || size < 0) {
        exchange_error(exchange, 400, "'offset' or 'size' is missing: PUT /blobs/SHA256?offset=N&size=TOTAL");
        return;
    }
    struct blob_access *access = access_new(exchange);
    if (!access)
        return;
    const void *body = exchange_body(exchange, &access->count);
    access->offset = offset;
    access->size = size;
    access->bytes = malloc(access->count + 1);
    if (!access->bytes || blob_refs_in_use(exchange->broker, &access->in_use)) {
        exchange_error(exchange, 503, "no memory");
        return;
    }
    memcpy(access->bytes, body, access->count);
    exchange_submit(exchange, LANE_BLOBS, run_put, done_put);
}
