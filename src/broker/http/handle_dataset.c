/* GET /dataset: the manifest, made anew in slices on the thread pool; who asks meanwhile waits for the same one. */
#include <stdlib.h>
#include <string.h>

#include "src/broker/broker.h"
#include "dcls/proto/msg.h"
#include "blob_refs.h"
#include "server.h"
#include "routes.h"
#include "dcls/net/thread_pool.h"

#define SLICE_MS 100
#define TEXT_MAX ((size_t)512 * 1024 * 1024)

struct dataset_scan {
    struct blob_refs *blob_refs;
    bool begun, more;
    char *text; /* of the finished manifest, one copy a waiter */
};

static int run_slice(void *arg, const atomic_bool *stop, struct err *err)
{
    struct dataset_scan *scan = arg;
    (void)stop;
    if (!scan->begun && manifest_scan(scan->blob_refs->manifest, err))
        return -1;
    scan->begun = true;
    scan->more = manifest_step(scan->blob_refs->manifest, SLICE_MS);
    if (scan->more)
        return 0;
    cJSON *object = manifest_json(scan->blob_refs->manifest);
    struct buf text;
    buf_init(&text, TEXT_MAX);
    /* Names of files need not be UTF-8: what prints must see to it. */
    if (object && !json_print_spaced(object, &text) && !buf_puts(&text, "\n"))
        scan->text = buf_detach(&text);
    buf_release(&text);
    cJSON_Delete(object);
    return scan->text ? 0 : err_set(err, "no memory for the dataset's manifest");
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

static void done_slice(void *arg, int result, const struct err *err)
{
    struct dataset_scan *scan = arg;
    struct broker *broker = scan->blob_refs->broker;
    struct err unfinished = ERR_INIT;
    (void)result;
    /* When the broker stops, nothing is left to wait for: the next slices would only hold it up. */
    bool stopping = event_base_got_break(broker->base) || event_base_got_exit(broker->base);
    if (scan->more && !stopping && thread_pool_submit(broker->pool, LANE_DISK, run_slice, done_slice, scan))
        return;
    if (scan->more)
        err_set(&unfinished, stopping ? "the broker stops" : "no memory");
    answer_all(scan->blob_refs, scan->text, scan->more ? &unfinished : err);
    free(scan->text);
    free(scan);
}

void handle_dataset(struct exchange *exchange)
{
    struct blob_refs *blob_refs = http_blob_refs(exchange->http);
    struct dataset_waiter *waiter = calloc(1, sizeof *waiter);
    struct dataset_scan *scan = blob_refs->scanning ? NULL : calloc(1, sizeof *scan);
    if (!waiter || (!blob_refs->scanning && !scan))
        goto no_memory;
    if (!blob_refs->scanning) {
        scan->blob_refs = blob_refs;
        if (!thread_pool_submit(exchange->broker->pool, LANE_DISK, run_slice, done_slice, scan))
            goto no_memory;
        blob_refs->scanning = true;
    }
    *waiter = (struct dataset_waiter){ .next = blob_refs->waiters, .exchange = exchange };
    blob_refs->waiters = waiter;
    return;

no_memory:
    free(waiter);
    free(scan);
    exchange_error(exchange, 503, "no memory");
}
