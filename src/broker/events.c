/* The ring of recent events and the holding back of progress: see events.h. What a stream does with them is
 * http/sse.c's. Texts are kept as they are sent; their bytes together are bounded. */
#include "events.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "dcls/base/log.h"
#include "dcls/proto/json.h"
#include "job.h"

#define KEPT_BYTES (16 * 1024 * 1024)
#define KEY_SIZE 160

struct kept {
    char *kind, *id, *text;
    bool ended;
};

/* What was last told of a job that has not ended. */
struct event_pace {
    LIST_ENTRY(event_pace) listed;
    TAILQ_ENTRY(event_pace) waiting;
    struct job *job;
    char key[KEY_SIZE]; /* a change of these is told at once */
    int64_t at;
    bool waits, runs;
};
LIST_HEAD(pace_list, event_pace);
TAILQ_HEAD(pace_queue, event_pace);

struct events {
    uint64_t first, last; /* numbers kept: first..last; none when first > last */
    size_t bytes;
    struct kept ring[EVENTS_KEPT];
    struct pace_list paces;
    struct pace_queue waiting; /* by when they were told last */
    int64_t running;           /* of the paces: of jobs that run */
    void (*news)(void *arg);
    void *news_arg;
};

struct events *events_new(int64_t boot)
{
    struct events *events = calloc(1, sizeof *events);
    if (events) {
        events->last = (uint64_t)boot * 1000;
        events->first = events->last + 1;
        LIST_INIT(&events->paces);
        TAILQ_INIT(&events->waiting);
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

void events_free(struct events *events)
{
    if (!events)
        return;
    while (events->first <= events->last)
        drop_first(events);
    assert(!events->bytes);
    for (struct event_pace *pace = LIST_FIRST(&events->paces), *next; pace; pace = next) {
        next = LIST_NEXT(pace, listed);
        free(pace);
    }
    free(events);
}

void events_watch(struct events *events, void (*news)(void *arg), void *arg)
{
    events->news = news;
    events->news_arg = arg;
}

static void tell_news(struct events *events)
{
    if (events->news)
        events->news(events->news_arg);
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
    tell_news(events);
}

static void emit_object(struct events *events, const char *kind, const cJSON *object, bool ended)
{
    const char *id = json_text(object, "id"), *name = json_text(object, "name");
    char *text = object ? cJSON_PrintUnformatted(object) : NULL;
    if (text)
        emit(events, kind, id ? id : name ? name : "", text, ended);
    else
        log_error("no memory for an event of a %s", kind);
}

void events_publish(struct events *events, const char *kind, cJSON *object)
{
    emit_object(events, kind, object, false);
    cJSON_Delete(object);
}

static bool is_shown_ended(const struct job *job)
{
    return job_shown(job) > JOB_ENDING;
}

static void emit_job(struct events *events, const struct job *job)
{
    cJSON *object = job_json(job);
    emit_object(events, "job", object, is_shown_ended(job));
    cJSON_Delete(object);
}

static void write_key(char key[KEY_SIZE], const struct job *job)
{
    snprintf(key, KEY_SIZE, "%d/%lld/%lld/%lld/%.100s", (int)job_shown(job), (long long)job->generation,
             (long long)job->epoch, (long long)job->epochs_done, job->reason ? job->reason : "");
}

/* How long after its last event one waits. */
static int64_t hold_ms(const struct events *events)
{
    int64_t ms = events->running * 1000 / EVENTS_PROGRESS_A_S;
    return ms > EVENTS_PROGRESS_MS ? ms : EVENTS_PROGRESS_MS;
}

static void set_runs(struct events *events, struct event_pace *pace, bool runs)
{
    events->running += (runs ? 1 : 0) - (pace->runs ? 1 : 0);
    pace->runs = runs;
}

static void stop_waiting(struct events *events, struct event_pace *pace)
{
    if (pace->waits)
        TAILQ_REMOVE(&events->waiting, pace, waiting);
    pace->waits = false;
}

static void forget(struct events *events, struct job *job)
{
    if (!job->pace)
        return;
    stop_waiting(events, job->pace);
    set_runs(events, job->pace, false);
    LIST_REMOVE(job->pace, listed);
    free(job->pace);
    job->pace = NULL;
}

/* Without memory the job is told unthrottled. */
static void remember(struct events *events, struct job *job, const char *key, int64_t now)
{
    if (!job->pace) {
        job->pace = calloc(1, sizeof *job->pace);
        if (!job->pace)
            return;
        job->pace->job = job;
        LIST_INSERT_HEAD(&events->paces, job->pace, listed);
    }
    stop_waiting(events, job->pace);
    set_runs(events, job->pace, job_shown(job) == JOB_RUNNING);
    job->pace->at = now;
    memcpy(job->pace->key, key, KEY_SIZE);
}

/* In its place by when it was told last: mostly the end. */
static void wait(struct events *events, struct event_pace *pace)
{
    struct event_pace *before = TAILQ_LAST(&events->waiting, pace_queue);
    if (pace->waits)
        return;
    pace->waits = true;
    while (before && before->at > pace->at)
        before = TAILQ_PREV(before, pace_queue, waiting);
    if (before)
        TAILQ_INSERT_AFTER(&events->waiting, before, pace, waiting);
    else
        TAILQ_INSERT_HEAD(&events->waiting, pace, waiting);
    tell_news(events);
}

void events_publish_job(struct events *events, struct job *job, int64_t now)
{
    char key[KEY_SIZE];
    write_key(key, job);
    if (is_shown_ended(job)) {
        forget(events, job);
    } else if (job->pace && !strcmp(job->pace->key, key) && now - job->pace->at < hold_ms(events)) {
        wait(events, job->pace);
        return;
    } else {
        remember(events, job, key, now);
    }
    emit_job(events, job);
}

void events_tick(struct events *events, int64_t now)
{
    struct event_pace *pace;
    while ((pace = TAILQ_FIRST(&events->waiting)) && now - pace->at >= hold_ms(events)) {
        stop_waiting(events, pace);
        pace->at = now;
        emit_job(events, pace->job);
    }
}

int64_t events_due(const struct events *events)
{
    const struct event_pace *first = TAILQ_FIRST(&events->waiting);
    return first ? first->at + hold_ms(events) : INT64_MAX;
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
