/* The queue towards a legacy peer. */
#include "dcls/proto/legacy_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void legacy_queue_init(struct legacy_queue *legacy_queue, int64_t answer_ms)
{
    *legacy_queue = (struct legacy_queue){ .answer_ms = answer_ms };
    STAILQ_INIT(&legacy_queue->items);
}

void legacy_queue_item_free(struct legacy_queue_item *item)
{
    if (!item)
        return;
    free(item->text);
    free(item->key);
    free(item);
}

void legacy_queue_release(struct legacy_queue *legacy_queue)
{
    while (!STAILQ_EMPTY(&legacy_queue->items)) {
        struct legacy_queue_item *item = STAILQ_FIRST(&legacy_queue->items);
        STAILQ_REMOVE_HEAD(&legacy_queue->items, queued);
        legacy_queue_item_free(item);
    }
    legacy_queue_init(legacy_queue, legacy_queue->answer_ms);
}

int legacy_queue_push(struct legacy_queue *legacy_queue, const char *text, size_t len, bool wants_answer,
                      const char *key)
{
    if (legacy_queue->count >= LEGACY_QUEUE_MAX)
        return -1;
    struct legacy_queue_item *item = calloc(1, sizeof *item);
    if (!item)
        return -1;
    item->text = malloc(len + 1);
    item->key = key ? strdup(key) : NULL;
    if (!item->text || (key && !item->key)) {
        legacy_queue_item_free(item);
        return -1;
    }
    memcpy(item->text, text, len);
    item->text[len] = 0;
    item->len = len;
    item->wants_answer = wants_answer;
    STAILQ_INSERT_TAIL(&legacy_queue->items, item, queued);
    legacy_queue->count++;
    return 0;
}

bool legacy_queue_withdraw(struct legacy_queue *legacy_queue, const char *key)
{
    struct legacy_queue_item *item = STAILQ_FIRST(&legacy_queue->items);
    while (item && (!item->key || strcmp(item->key, key)))
        item = STAILQ_NEXT(item, queued);
    if (!item)
        return false;
    STAILQ_REMOVE(&legacy_queue->items, item, legacy_queue_item, queued);
    legacy_queue->count--;
    legacy_queue_item_free(item);
    return true;
}

void legacy_queue_answered(struct legacy_queue *legacy_queue)
{
    if (legacy_queue->awaits_answer)
        legacy_queue->sent_any = false; /* the next may leave at once */
    legacy_queue->awaits_answer = false;
}

int64_t legacy_queue_due(const struct legacy_queue *legacy_queue, int64_t now_ms)
{
    if (STAILQ_EMPTY(&legacy_queue->items))
        return -1;
    if (!legacy_queue->sent_any)
        return 0;
    int64_t due =
        legacy_queue->sent_ms + (legacy_queue->awaits_answer ? legacy_queue->answer_ms : LEGACY_QUEUE_INTERVAL_MS);
    return due > now_ms ? due - now_ms : 0;
}

struct legacy_queue_item *legacy_queue_take(struct legacy_queue *legacy_queue, int64_t now_ms)
{
    if (legacy_queue_due(legacy_queue, now_ms) != 0)
        return NULL;
    assert(legacy_queue->count > 0);
    struct legacy_queue_item *item = STAILQ_FIRST(&legacy_queue->items);
    STAILQ_REMOVE_HEAD(&legacy_queue->items, queued);
    legacy_queue->count--;
    legacy_queue->sent_any = true;
    legacy_queue->awaits_answer = item->wants_answer;
    legacy_queue->sent_ms = now_ms;
    return item;
}
