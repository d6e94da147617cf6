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
#include "src/broker/task.h"

struct blob_task {
    struct exchange *exchange;
    struct blob_refs *blob_refs;
    char sha256[SHA256_HEX_SIZE];
    struct blob_state state;
    int fd; /* of a read */
    int64_t offset, size;
    char *bytes, **in_use; /* of a write */
    size_t count;
    enum blob_result result;
    struct err err;
};

static void task_free(struct blob_task *task)
{
    blob_refs_free_in_use(task->in_use);
    free(task->bytes);
    free(task);
}

/* NULL after an answer was given. */
static struct blob_task *task_new(struct exchange *exchange)
{
    const char *sha256 = exchange->args[0];
    if (!sha256_is_hex(sha256)) {
        exchange_error(exchange, 400, "'%.80s' is no SHA-256 in lower-case hex", sha256);
        return NULL;
    }
    struct blob_task *task = calloc(1, sizeof *task);
    if (!task) {
        exchange_error(exchange, 503, "no memory");
        return NULL;
    }
    task->exchange = exchange;
    task->blob_refs = http_blob_refs(exchange->http);
    task->fd = -1;
    memcpy(task->sha256, sha256, sizeof task->sha256);
    return task;
}

static void submit(struct blob_task *task, void (*run)(void *arg), void (*done)(void *arg))
{
    if (!tasks_submit(task->exchange->broker->tasks, run, done, task))
        return;
    exchange_error(task->exchange, 503, "no memory");
    task_free(task);
}

static cJSON *state_json(const struct blob_task *task)
{
    cJSON *object = cJSON_CreateObject();
    if (cJSON_AddStringToObject(object, "sha256", task->sha256) &&
        cJSON_AddNumberToObject(object, "size", (double)task->state.held) &&
        cJSON_AddBoolToObject(object, "complete", task->state.complete))
        return object;
    cJSON_Delete(object);
    return NULL;
}

static void run_open(void *arg)
{
    struct blob_task *task = arg;
    task->fd = blobs_open(task->blob_refs->blobs, task->sha256, &task->size);
    if (task->fd < 0)
        task->fd = manifest_open(task->blob_refs->manifest, task->sha256, &task->size);
}

static void done_open(void *arg)
{
    struct blob_task *task = arg;
    if (task->fd >= 0)
        exchange_file(task->exchange, task->fd, task->size, "application/octet-stream");
    else
        exchange_error(task->exchange, 404, "there is no blob '%s'", task->sha256);
    task_free(task);
}

static void run_stat(void *arg)
{
    struct blob_task *task = arg;
    blobs_stat(task->blob_refs->blobs, task->sha256, &task->state);
}

static void done_stat(void *arg)
{
    struct blob_task *task = arg;
    exchange_json(task->exchange, 200, state_json(task));
    task_free(task);
}

void handle_blob_get(struct exchange *exchange)
{
    struct blob_task *task = task_new(exchange);
    if (task && exchange_query(exchange, "stat"))
        submit(task, run_stat, done_stat);
    else if (task)
        submit(task, run_open, done_open);
}

static void run_put(void *arg)
{
    struct blob_task *task = arg;
    task->result = blobs_put(task->blob_refs->blobs, task->sha256, task->offset, task->size, task->bytes, task->count,
                             (const char *const *)task->in_use, &task->state, &task->err);
}

static void done_put(void *arg)
{
    struct blob_task *task = arg;
    static const int statuses[] = {
        [BLOB_DONE] = 200, [BLOB_OFFSET] = 409, [BLOB_BAD] = 422, [BLOB_FULL] = 507, [BLOB_ERROR] = 500,
    };
    int status = statuses[task->result];
    cJSON *object = state_json(task);
    if (task->result != BLOB_DONE && object && !cJSON_AddStringToObject(object, "error", task->err.text)) {
        cJSON_Delete(object);
        object = NULL;
    }
    if (task->state.complete && status == 200)
        status = 201;
    exchange_json(task->exchange, status, object);
    if (task->state.complete)
        pending_replies_blob_complete(task->blob_refs->broker->pending_replies, task->sha256);
    task_free(task);
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
    struct blob_task *task = size < 0 ? NULL : task_new(exchange);
    if (!task)
        return;
    const void *body = exchange_body(exchange, &task->count);
    task->offset = offset;
    task->size = size;
    task->bytes = malloc(task->count + 1);
    task->in_use = blob_refs_in_use(task->blob_refs);
    if (!task->bytes || !task->in_use) {
        exchange_error(exchange, 503, "no memory");
        task_free(task);
        return;
    }
    memcpy(task->bytes, body, task->count);
    submit(task, run_put, done_put);
}
