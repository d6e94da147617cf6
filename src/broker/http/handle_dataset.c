/* GET /dataset: the manifest, made anew in slices on the task thread; who asks meanwhile waits for the same one. */
#include <stdlib.h>
#include <string.h>

#include "src/broker/broker.h"
#include "dcls/proto/msg.h"
#include "blob_refs.h"
#include "server.h"
#include "routes.h"
#include "src/broker/task.h"

#define SLICE_MS 100
#define TEXT_MAX ((size_t)512 * 1024 * 1024)

struct dataset_task {
    struct blob_refs *blob_refs;
    bool begun, more;
    char *text; /* of the finished manifest, one copy a waiter */
    struct err err;
};

static void run_slice(void *arg)
{
    struct dataset_task *task = arg;
    if (!task->begun && manifest_scan(task->blob_refs->manifest, &task->err))
        return;
    task->begun = true;
    task->more = manifest_step(task->blob_refs->manifest, SLICE_MS);
    if (task->more)
        return;
    cJSON *object = manifest_json(task->blob_refs->manifest);
    struct buf text;
    buf_init(&text, TEXT_MAX);
    /* Names of files need not be UTF-8: what prints must see to it. */
    if (object && !json_print_spaced(object, &text) && !buf_puts(&text, "\n"))
        task->text = buf_detach(&text);
    buf_release(&text);
    cJSON_Delete(object);
    if (!task->text)
        err_set(&task->err, "no memory for the dataset's manifest");
}

static void answer_all(struct blob_refs *blob_refs, const char *text, const struct err *err)
{
    struct dataset_waiter *waiter = blob_refs->waiters;
    blob_refs->waiters = NULL;
    blob_refs->scanning = false;
    while (waiter) {
        struct dataset_waiter *next = waiter->next;
        char *copy = text ? strdup(text) : NULL;
        if (copy)
            exchange_text(waiter->exchange, 200, "application/json", copy, strlen(copy));
        else
            exchange_error(waiter->exchange, 503, "%s", text ? "no memory" : err->text);
        free(waiter);
        waiter = next;
    }
}

static void done_slice(void *arg)
{
    struct dataset_task *task = arg;
    struct broker *broker = task->blob_refs->broker;
    /* When the broker stops, nothing is left to wait for: the next slices would only hold it up. */
    bool stopping = event_base_got_break(broker->base) || event_base_got_exit(broker->base);
    if (task->more && !stopping && !tasks_submit(broker->tasks, run_slice, done_slice, task))
        return;
    if (task->more)
        err_set(&task->err, stopping ? "the broker stops" : "no memory");
    answer_all(task->blob_refs, task->text, &task->err);
    free(task->text);
    free(task);
}

void handle_dataset(struct exchange *exchange)
{
    struct blob_refs *blob_refs = http_blob_refs(exchange->http);
    struct dataset_waiter *waiter = calloc(1, sizeof *waiter);
    struct dataset_task *task = blob_refs->scanning ? NULL : calloc(1, sizeof *task);
    if (!waiter || (!blob_refs->scanning && !task))
        goto no_memory;
    if (!blob_refs->scanning) {
        task->blob_refs = blob_refs;
        if (tasks_submit(exchange->broker->tasks, run_slice, done_slice, task))
            goto no_memory;
        blob_refs->scanning = true;
    }
    *waiter = (struct dataset_waiter){ .next = blob_refs->waiters, .exchange = exchange };
    blob_refs->waiters = waiter;
    return;

no_memory:
    free(waiter);
    free(task);
    exchange_error(exchange, 503, "no memory");
}
