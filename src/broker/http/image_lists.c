/* The scan and its text are made in LANE_SCANS; the loop only sends. */
#include "image_lists.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "dcls/base/buf.h"
#include "dcls/proto/json.h"
#include "exchange.h"
#include "shared_bytes.h"
#include "src/broker/broker.h"
#include "src/broker/images.h"
#include "src/broker/lanes.h"

#define TEXT_MAX ((size_t)512 * 1024 * 1024)

struct waiter {
    STAILQ_ENTRY(waiter) queued;
    struct exchange *exchange;
};

STAILQ_HEAD(waiters, waiter);

struct image_lists {
    struct broker *broker;
    struct waiters now, next; /* who the scan that runs is for, and who the next is for */
    bool scanning;
    char *text;
    size_t size;
};

struct image_lists *image_lists_new(struct broker *broker)
{
    struct image_lists *lists = calloc(1, sizeof *lists);
    if (!lists)
        return NULL;
    lists->broker = broker;
    STAILQ_INIT(&lists->now);
    STAILQ_INIT(&lists->next);
    return lists;
}

void image_lists_free(struct image_lists *lists)
{
    assert(!lists || !lists->scanning);
    free(lists);
}

static int run_scan(void *arg, const atomic_bool *stop, struct err *err)
{
    struct image_lists *lists = arg;
    struct buf text;
    (void)stop;
    cJSON *list = images_list(&lists->broker->images, err);
    if (!list)
        return -1;
    buf_init(&text, TEXT_MAX);
    int status = json_print_spaced(list, &text) || buf_puts(&text, "\n") ? err_set(err, "no memory for the images") : 0;
    cJSON_Delete(list);
    lists->size = text.len;
    lists->text = status ? NULL : buf_detach(&text);
    buf_release(&text);
    return status;
}

static struct waiter *take(struct waiters *waiters)
{
    struct waiter *waiter = STAILQ_FIRST(waiters);
    if (waiter)
        STAILQ_REMOVE_HEAD(waiters, queued);
    return waiter;
}

static void refuse_all(struct waiters *waiters, int status, const char *why)
{
    struct waiter *waiter;
    while ((waiter = take(waiters)))
        exchange_error(waiter->exchange, status, "%s", why);
}

static void done_scan(void *arg, int result, const struct err *err);

static void scan(struct image_lists *lists)
{
    STAILQ_CONCAT(&lists->now, &lists->next);
    lists->scanning = thread_pool_submit(lists->broker->pool, LANE_SCANS, run_scan, done_scan, lists);
    if (!lists->scanning)
        refuse_all(&lists->now, 503, "too much is under way");
}

static void done_scan(void *arg, int result, const struct err *err)
{
    struct image_lists *lists = arg;
    struct waiter *waiter;
    struct shared_bytes *text = shared_bytes_new(lists->text, lists->size);
    lists->text = NULL;
    lists->scanning = false;
    while (text && (waiter = take(&lists->now)))
        exchange_shared(waiter->exchange, text, "application/json");
    refuse_all(&lists->now, 500, result ? err->text : "no memory for the images");
    shared_bytes_let_go(text);
    if (lists->broker->stopping)
        refuse_all(&lists->next, 503, "the broker stops");
    else if (!STAILQ_EMPTY(&lists->next))
        scan(lists);
}

void image_lists_answer(struct image_lists *lists, struct exchange *exchange)
{
    struct waiter *waiter = exchange_context(exchange, sizeof *waiter, NULL);
    if (!waiter)
        return;
    waiter->exchange = exchange;
    STAILQ_INSERT_TAIL(&lists->next, waiter, queued);
    if (!lists->scanning)
        scan(lists);
}
