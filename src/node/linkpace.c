/* The queue towards a legacy broker. */
#include "linkpace.h"

#include <stdlib.h>
#include <string.h>

void linkpace_init(struct linkpace *pace)
{
    *pace = (struct linkpace){ 0 };
}

void pace_item_free(struct pace_item *item)
{
    if (!item)
        return;
    free(item->text);
    free(item->key);
    free(item);
}

void linkpace_release(struct linkpace *pace)
{
    while (pace->first) {
        struct pace_item *item = pace->first;
        pace->first = item->next;
        pace_item_free(item);
    }
    linkpace_init(pace);
}

int linkpace_push(struct linkpace *pace, const char *text, size_t len, bool wants_answer, const char *key)
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

void linkpace_answered(struct linkpace *pace)
{
    if (pace->awaits_answer)
        pace->sent_any = false; /* the next may leave at once */
    pace->awaits_answer = false;
}

int64_t linkpace_due(const struct linkpace *pace, int64_t now_ms)
{
    if (!pace->first)
        return -1;
    if (!pace->sent_any)
        return 0;
    int64_t due = pace->sent_ms + (pace->awaits_answer ? PACE_ANSWER_MS : PACE_INTERVAL_MS);
    return due > now_ms ? due - now_ms : 0;
}

struct pace_item *linkpace_take(struct linkpace *pace, int64_t now_ms)
{
    if (linkpace_due(pace, now_ms) != 0)
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
