/* GET /dataset: the manifest, made anew in slices on the thread pool; who asks meanwhile waits for the same one. */
#include <stdlib.h>

#include "dcls/proto/json.h"
#include "dcls/proto/msg.h"
#include "handlers.h"
#include "shared_bytes.h"
#include "src/broker/broker.h"
#include "src/broker/datasets.h"
#include "src/broker/lanes.h"

#define SLICE_MS 100
#define TEXT_MAX ((size_t)512 * 1024 * 1024)

struct dataset_waiter {
    struct dataset_waiter *next;
    struct exchange *exchange;
};

struct dataset_scan {
    struct broker *broker;
    struct http *http;
    struct dataset_waiter *waiters;
    bool begun, more;
    char *text; /* of the finished manifest */
    size_t size;
};

static int run_slice(void *arg, const atomic_bool *stop, struct err *err)
{
    struct dataset_scan *scan = arg;
    (void)stop;
    if (!scan->begun && manifest_scan(scan->http->manifest, err))
        return -1;
    scan->begun = true;
    scan->more = manifest_step(scan->http->manifest, SLICE_MS);
    if (scan->more)
        return 0;
    cJSON *object = manifest_json(scan->http->manifest);
    struct buf text;
    buf_init(&text, TEXT_MAX);
    if (object && !json_print_spaced(object, &text) && !buf_puts(&text, "\n")) {
        scan->size = text.len;
        scan->text = buf_detach(&text);
    }
    buf_release(&text);
    cJSON_Delete(object);
    return scan->text ? 0 : err_set(err, "no memory for the dataset's manifest");
}

static void done_slice(void *arg, int result, const struct err *err)
{
    struct dataset_scan *scan = arg;
    struct err unfinished = ERR_INIT;
    (void)result;
    /* When the broker stops, nothing is left to wait for: the next slices would only hold it up. */
    bool stopping = event_base_got_exit(scan->broker->base);
    if (scan->more && !stopping && thread_pool_submit(scan->broker->pool, LANE_HASHES, run_slice, done_slice, scan))
        return;
    if (scan->more)
        err_set(&unfinished, stopping ? "the broker stops" : "no memory");
    scan->http->scan = NULL; /* who asks from now on wants another */
    const char *why = scan->text ? "no memory" : scan->more ? unfinished.text : err->text;
    struct shared_bytes *text = shared_bytes_new(scan->text, scan->size);
    for (struct dataset_waiter *waiter = scan->waiters, *next; waiter; waiter = next) {
        next = waiter->next;
        if (text)
            exchange_shared(waiter->exchange, text, "application/json");
        else
            exchange_error(waiter->exchange, 503, "%s", why);
    }
    shared_bytes_let_go(text);
    free(scan);
}

static struct dataset_scan *scan_start(struct exchange *exchange)
{
    struct dataset_scan *scan = calloc(1, sizeof *scan);
    if (!scan)
        return NULL;
    *scan = (struct dataset_scan){ .broker = exchange->broker, .http = exchange->http };
    if (thread_pool_submit(scan->broker->pool, LANE_HASHES, run_slice, done_slice, scan))
        return scan;
    free(scan);
    return NULL;
}

void handle_dataset(struct exchange *exchange)
{
    struct http *http = exchange->http;
    struct dataset_waiter *waiter = exchange_context(exchange, sizeof *waiter, NULL);
    if (!waiter)
        return;
    if (!http->scan && !(http->scan = scan_start(exchange))) {
        exchange_error(exchange, 503, "no memory");
        return;
    }
    *waiter = (struct dataset_waiter){ .next = http->scan->waiters, .exchange = exchange };
    http->scan->waiters = waiter;
}
