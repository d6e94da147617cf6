/* GET and PUT /blobs/SHA256: the bytes of the blob store, and of the image folder's files by their hash. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/broker/broker.h"
#include "blob_refs.h"
#include "server.h"
#include "src/broker/pending_replies.h"
#include "routes.h"
#include "dcls/net/thread_pool.h"

struct blob_access {
    struct exchange *exchange;
    struct blob_refs *blob_refs;
    char sha256[SHA256_HEX_SIZE];
    struct blob_state state;
    int fd; /* of a read */
    int64_t offset, size;
    char *bytes, **in_use; /* of a write */
    size_t count;
    enum blob_result result;
};

static void access_free(struct blob_access *access)
{
    blob_refs_free_in_use(access->in_use);
    free(access->bytes);
    free(access);
}

/* NULL after an answer was given. */
static struct blob_access *access_new(struct exchange *exchange)
{
    const char *sha256 = exchange->args[0];
    if (!sha256_is_hex(sha256)) {
        exchange_error(exchange, 400, "'%.80s' is no SHA-256 in lower-case hex", sha256);
        return NULL;
    }
    struct blob_access *access = calloc(1, sizeof *access);
    if (!access) {
        exchange_error(exchange, 503, "no memory");
        return NULL;
    }
    access->exchange = exchange;
    access->blob_refs = http_blob_refs(exchange->http);
    access->fd = -1;
    memcpy(access->sha256, sha256, sizeof access->sha256);
    return access;
}

static void submit(struct blob_access *access, work_run run, work_done done)
{
    if (thread_pool_submit(access->exchange->broker->pool, LANE_DISK, run, done, access))
        return;
    exchange_error(access->exchange, 503, "too much is under way");
    access_free(access);
}

static cJSON *state_json(const struct blob_access *access)
{
    cJSON *object = cJSON_CreateObject();
    if (cJSON_AddStringToObject(object, "sha256", access->sha256) &&
        cJSON_AddNumberToObject(object, "size", (double)access->state.held) &&
        cJSON_AddBoolToObject(object, "complete", access->state.complete))
        return object;
    cJSON_Delete(object);
    return NULL;
}

static int run_open(void *arg, const atomic_bool *stop, struct err *err)
{
    struct blob_access *access = arg;
    (void)stop;
    access->fd = blobs_open(access->blob_refs->blobs, access->sha256, &access->size);
    if (access->fd < 0)
        access->fd = manifest_open(access->blob_refs->manifest, access->sha256, &access->size);
    return access->fd < 0 ? err_set(err, "there is no blob '%s'", access->sha256) : 0;
}

static void done_open(void *arg, int result, const struct err *err)
{
    struct blob_access *access = arg;
    if (result)
        exchange_error(access->exchange, 404, "%s", err->text);
    else
        exchange_file(access->exchange, access->fd, access->size, "application/octet-stream");
    access_free(access);
}

static int run_stat(void *arg, const atomic_bool *stop, struct err *err)
{
    struct blob_access *access = arg;
    (void)stop;
    (void)err;
    blobs_stat(access->blob_refs->blobs, access->sha256, &access->state);
    return 0;
}

static void done_stat(void *arg, int result, const struct err *err)
{
    struct blob_access *access = arg;
    (void)result;
    (void)err;
    exchange_json(access->exchange, 200, state_json(access));
    access_free(access);
}

void handle_blob_get(struct exchange *exchange)
{
    struct blob_access *access = access_new(exchange);
    if (access && exchange_query(exchange, "stat"))
        submit(access, run_stat, done_stat);
    else if (access)
        submit(access, run_open, done_open);
}

static int run_put(void *arg, const atomic_bool *stop, struct err *err)
{
    struct blob_access *access = arg;
    (void)stop;
    access->result = blobs_put(access->blob_refs->blobs, access->sha256, access->offset, access->size, access->bytes,
                               access->count, (const char *const *)access->in_use, &access->state, err);
    return access->result == BLOB_DONE ? 0 : -1;
}

static void done_put(void *arg, int result, const struct err *err)
{
    struct blob_access *access = arg;
    static const int statuses[] = {
        [BLOB_DONE] = 200, [BLOB_OFFSET] = 409, [BLOB_BAD] = 422, [BLOB_FULL] = 507, [BLOB_ERROR] = 500,
    };
    int status = statuses[access->result];
    cJSON *object = state_json(access);
    if (result && object && !cJSON_AddStringToObject(object, "error", err->text)) {
        cJSON_Delete(object);
        object = NULL;
    }
    if (access->state.complete && status == 200)
        status = 201;
    exchange_json(access->exchange, status, object);
    if (access->state.complete)
        pending_replies_blob_complete(access->blob_refs->broker->pending_replies, access->sha256);
    access_free(access);
}

/* A whole number of the query; -1 after an answer was given. */
static int64_t query_number(struct exchange *exchange, const char *name)
{
    const char *text = exchange_query(exchange, name);
    char *end = NULL;
    errno = 0;
    long long value = !text || *text < '0' || *text > '9' ? -1 : strtoll(text, &end, 10);
    if (value < 0 || errno != 0 || *end != '\0') {
        exchange_error(exchange, 400, "'%s' must be a number of bytes: PUT /blobs/SHA256?offset=N&size=TOTAL", name);
        return -1;
    }
    return value;
}

void handle_blob_put(struct exchange *exchange)
{
    int64_t offset = query_number(exchange, "offset");
    int64_t size = offset < 0 ? -1 : query_number(exchange, "size");
    struct blob_access *access = size < 0 ? NULL : access_new(exchange);
    if (!access)
        return;
    const void *body = exchange_body(exchange, &access->count);
    access->offset = offset;
    access->size = size;
    access->bytes = malloc(access->count + 1);
    access->in_use = blob_refs_in_use(access->blob_refs);
    if (!access->bytes || !access->in_use) {
        exchange_error(exchange, 503, "no memory");
        access_free(access);
        return;
    }
    memcpy(access->bytes, body, access->count);
    submit(access, run_put, done_put);
}
