/* The queue towards a legacy peer. */
#include "dcls/proto/legacy_queue.h"

#include <stdlib.h>
#include <string.h>

void pace_init(struct pace *pace, int64_t answer_ms)
{
    *pace = (struct pace){ .answer_ms = answer_ms };
}

void pace_item_free(struct pace_item *item)
{
    if (!item)
        return;
    free(item->text);
    free(item->key);
    free(item);
}

void pace_release(struct pace *pace)
{
    while (pace->first) {
        struct pace_item *item = pace->first;
        pace->first = item->next;
        pace_item_free(item);
    }
    pace_init(pace, pace->answer_ms);
}

int pace_push(struct pace *pace, const char *text, size_t len, bool wants_answer, const char *key)
{
    if (pace->count >= PACE_MAX)
        return -1;
    struct pace_item *item = calloc(1, sizeof *item);
    if (!item)
        return -1;
    item->text = malloc(len + 1);
    item->key = key ? strdup(key) : NULL;
    if (!item->text || (key && !item->key)) {
        pace_item_free(item);
        return -1;
    }
    memcpy(item->text, text, len);
    item->text[len] = 0;
    item->len = len;
    item->wants_answer = wants_answer;
    if (pace->last)
        pace->last->next = item;
    else
        pace->first = item;
    pace->last = item;
    pace->count++;
    return 0;
}

void pace_answered(struct pace *pace)
{
    if (pace->awaits_answer)
        pace->sent_any = false; /* the next may leave at once */
    pace->awaits_answer = false;
}

int64_t pace_due(const struct pace *pace, int64_t now_ms)
{
    if (!pace->first)
        return -1;
    if (!pace->sent_any)
        return 0;
    int64_t due = pace->sent_ms + (pace->awaits_answer ? pace->answer_ms : PACE_INTERVAL_MS);
    return due > now_ms ? due - now_ms : 0;
}

struct pace_item *pace_take(struct pace *pace, int64_t now_ms)
{
    if (pace_due(pace, now_ms) != 0)
        return NULL;
    struct pace_item *item = pace->first;
    pace->first = item->next;
    if (!pace->first)
        pace->last = NULL;
    pace->count--;
    item->next = NULL;
    pace->sent_any = true;
    pace->awaits_answer = item->wants_answer;
    pace->sent_ms = now_ms;
    return item;
}
