/* The ring of recent events and the holding back of progress: see events.h. What a stream does with them is
 * http/sse.c's. Texts are kept as they are sent; their bytes together are bounded, since a job of a thousand epochs
 * carries all its results in each. */
#include "events.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/proto/json.h"
#include "dcls/proto/msg.h"

#define KEPT_BYTES (16 * 1024 * 1024)
#define KEY_SIZE 160

struct kept {
    char *kind, *id, *text;
    bool ended;
};

/* What was last told of a job that has not ended. */
struct shown {
    struct shown *next;
    char *id;
    char key[KEY_SIZE]; /* state, generation, epoch, results: a change of these is told at once */
    int64_t at;
    char *pending; /* the newest text held back, or NULL */
};

struct events {
    uint64_t first, last; /* numbers kept: first..last; none when first > last */
    size_t bytes;
    struct kept ring[EVENTS_KEPT];
    struct shown *shown;
    void (*news)(void *arg);
    void *news_arg;
};

struct events *events_new(int64_t boot)
{
    struct events *events = calloc(1, sizeof *events);
    if (events) {
        events->last = (uint64_t)boot * 1000;
        events->first = events->last + 1;
    }
    return events;
}

static struct kept *slot(struct events *events, uint64_t number)
{
    return &events->ring[number % EVENTS_KEPT];
}

static void drop_first(struct events *events)
{
    assert(events->first <= events->last);
    struct kept *kept = slot(events, events->first++);
    events->bytes -= strlen(kept->text);
    free(kept->kind);
    free(kept->id);
    free(kept->text);
    *kept = (struct kept){ 0 };
}

static void shown_free(struct shown *shown)
{
    free(shown->id);
    free(shown->pending);
    free(shown);
}

void events_free(struct events *events)
{
    if (!events)
        return;
    while (events->first <= events->last)
        drop_first(events);
    assert(!events->bytes);
    while (events->shown) {
        struct shown *shown = events->shown;
        events->shown = shown->next;
        shown_free(shown);
    }
    free(events);
}

/* Takes `text`. An event that memory lacks for is lost, which the log says; the next one tells the state again. */
static void emit(struct events *events, const char *kind, const char *id, char *text, bool ended)
{
    struct kept kept = { strdup(kind), strdup(id), text, ended };
    if (!kept.kind || !kept.id) {
        log_error("no memory for an event of %s '%s'", kind, id);
        free(kept.kind);
        free(kept.id);
        free(text);
        return;
    }
    size_t size = strlen(text);
    while (events->first <= events->last &&
           (events->last - events->first + 1 >= EVENTS_KEPT || events->bytes + size > KEPT_BYTES))
        drop_first(events);
    events->last++;
    *slot(events, events->last) = kept;
    events->bytes += size;
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = json_text(object, name);
    return text ? text : "";
}

static bool state_is_final(const char *state)
{
    return !strcmp(state, "completed") || !strcmp(state, "failed") || !strcmp(state, "cancelled");
}

static struct shown **find_shown(struct events *events, const char *id)
{
    struct shown **link = &events->shown;
    while (*link && strcmp((*link)->id, id))
        link = &(*link)->next;
    return link;
}

static void forget(struct shown **link)
{
    struct shown *shown = *link;
    *link = shown->next;
    shown_free(shown);
}

/* Remembers what is told now; without memory the job is told unthrottled. */
static void remember(struct events *events, const char *id, const char *key, int64_t now)
{
    struct shown **link = find_shown(events, id);
    if (!*link) {
        struct shown *shown = calloc(1, sizeof *shown);
        if (!shown || !(shown->id = strdup(id))) {
            free(shown);
            return;
        }
        *link = shown;
    }
    free((*link)->pending);
    (*link)->pending = NULL;
    (*link)->at = now;
    snprintf((*link)->key, KEY_SIZE, "%s", key);
}

static void publish(struct events *events, const char *kind, const cJSON *object, int64_t now)
{
    char *text = cJSON_PrintUnformatted(object);
    if (!text) {
        log_error("no memory for an event of a %s", kind);
        return;
    }
    const char *id = text_of(object, "id");
    if (!*id)
        id = text_of(object, "name");
    if (strcmp(kind, "job")) {
        emit(events, kind, id, text, false);
        return;
    }

    const char *state = text_of(object, "state");
    bool ended = state_is_final(state);
    char key[KEY_SIZE];
    snprintf(key, sizeof key, "%s/%.0f/%.0f/%d/%.100s", state, json_number(object, "generation", -1),
             json_number(object, "epoch", -1), cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(object, "results")),
             text_of(object, "reason"));
    struct shown **link = find_shown(events, id);
    if (*link && !ended && !strcmp((*link)->key, key) && now - (*link)->at < EVENTS_PROGRESS_MS) {
        free((*link)->pending);
        (*link)->pending = text;
        return;
    }
    if (!ended)
        remember(events, id, key, now);
    else if (*link)
        forget(link);
    emit(events, kind, id, text, ended);
}

void events_publish_at(struct events *events, const char *kind, const cJSON *object, int64_t now)
{
    publish(events, kind, object, now);
    if (events->news)
        events->news(events->news_arg);
}

void events_watch(struct events *events, void (*news)(void *arg), void *arg)
{
    events->news = news;
    events->news_arg = arg;
}

void events_publish(struct events *events, const char *kind, cJSON *object)
{
    if (object)
        events_publish_at(events, kind, object, clock_ms());
    cJSON_Delete(object);
}

void events_tick(struct events *events, int64_t now)
{
    for (struct shown *shown = events->shown; shown; shown = shown->next) {
        if (!shown->pending || now - shown->at < EVENTS_PROGRESS_MS)
            continue;
        char *text = shown->pending;
        shown->pending = NULL;
        shown->at = now;
        emit(events, "job", shown->id, text, false);
    }
}

int64_t events_due(const struct events *events)
{
    int64_t due = INT64_MAX;
    for (const struct shown *shown = events->shown; shown; shown = shown->next)
        if (shown->pending && shown->at + EVENTS_PROGRESS_MS < due)
            due = shown->at + EVENTS_PROGRESS_MS;
    return due;
}

uint64_t events_last(const struct events *events)
{
    return events->last;
}

bool events_resume(const struct events *events, const char *id, uint64_t *number)
{
    char *end;
    if (*id < '0' || *id > '9')
        return false;
    uint64_t value = strtoull(id, &end, 10);
    if (*end || value > events->last || value + 1 < events->first)
        return false;
    *number = value;
    return true;
}

bool events_get(const struct events *events, uint64_t number, struct event_record *event)
{
    if (number < events->first || number > events->last)
        return false;
    const struct kept *kept = &events->ring[number % EVENTS_KEPT];
    *event = (struct event_record){ number, kept->kind, kept->id, kept->text, kept->ended };
    return true;
}
