/* Event streams: see sse.h. */
#include "sse.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "src/broker/broker.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/net/timer.h"
#include "src/broker/node_load.h"

#define TICK_MS 50
#define COMMENT_MS 15000
#define LOAD_MS 1000
#define PIECE (64 * 1024)
#define TEXT_MAX ((size_t)64 * 1024 * 1024)

struct stream {
    LIST_ENTRY(stream) listed;
    struct sse *sse;
    struct exchange *exchange;
    char *job;           /* NULL: all events */
    struct buf snapshot; /* what is left of it to send */
    uint64_t following;  /* the number of the event to send next */
    uint64_t load;       /* the version of the nodes' load that was sent last; 0: none */
    bool ending;         /* nothing follows what was sent */
};

struct sse {
    struct broker *broker;
    struct events *events;
    LIST_HEAD(stream_list, stream) streams;
    struct timer *tick, *comment, *load;
    uint64_t load_version; /* of what the streams are to be told of how busy nodes are */
    struct {
        uint64_t after, version;
        char *text; /* NULL: none */
    } load_text;    /* what was written last: mostly all streams are told the same */
    bool soon;      /* the tick comes within TICK_MS, not only when something held back is due */
};

static int write_event(struct buf *out, const char *kind, uint64_t number, const char *text)
{
    return buf_printf(out, "event: %s\nid: %" PRIu64 "\ndata: %s\n\n", kind, number, text);
}

void snapshot_add(struct snapshot *snapshot, const char *kind, cJSON *object)
{
    char *text = cJSON_PrintUnformatted(object);
    snapshot->last = snapshot->text.len;
    if (!text || write_event(&snapshot->text, kind, 0, text))
        snapshot->ok = false;
    cJSON_free(text);
    cJSON_Delete(object);
}

/* Gives the last event of a snapshot its number, in place of 0. */
static int snapshot_close(struct snapshot *snapshot)
{
    if (!snapshot->ok || snapshot->text.len == 0)
        return snapshot->ok ? 0 : -1;
    const char *zero = strstr(snapshot->text.data + snapshot->last, "\nid: 0\n");
    assert(zero);
    struct buf whole;
    buf_init(&whole, TEXT_MAX);
    size_t before = (size_t)(zero - snapshot->text.data) + strlen("\nid: ");
    if (buf_append(&whole, snapshot->text.data, before) || buf_printf(&whole, "%" PRIu64, snapshot->number) ||
        buf_puts(&whole, snapshot->text.data + before + 1)) {
        buf_release(&whole);
        return -1;
    }
    buf_release(&snapshot->text);
    snapshot->text = whole;
    return 0;
}

/* The nodes' load as far as the stream has not been told it: it is no event that is kept, for who comes late wants it
 * as it is by then, and so it has no id. */
static int write_load(struct stream *stream, struct buf *out)
{
    struct sse *sse = stream->sse;
    if (stream->job || stream->load == sse->load_version)
        return 0;
    if (!sse->load_text.text || sse->load_text.after != stream->load || sse->load_text.version != sse->load_version) {
        cJSON *object = node_loads_json(sse->broker->registry, stream->load);
        cJSON_free(sse->load_text.text);
        sse->load_text.text = object ? cJSON_PrintUnformatted(object) : NULL;
        sse->load_text.after = stream->load;
        sse->load_text.version = sse->load_version;
        cJSON_Delete(object);
    }
    stream->load = sse->load_version;
    return sse->load_text.text ? buf_printf(out, "event: load\ndata: %s\n\n", sse->load_text.text) : -1;
}

/* Sends what there is, if the client has taken what it got. May end the stream: do not touch it after. */
static void feed(struct stream *stream)
{
    struct exchange *exchange = stream->exchange;
    if (exchange_stream_busy(exchange))
        return;
    if (stream->snapshot.len > 0) {
        size_t count = stream->snapshot.len < PIECE ? stream->snapshot.len : PIECE;
        exchange_stream_send(exchange, stream->snapshot.data, count);
        buf_drop(&stream->snapshot, count);
        if (stream->snapshot.len == 0)
            buf_release(&stream->snapshot);
        return;
    }
    struct buf text;
    struct event_record event;
    assert(stream->following <= events_last(stream->sse->events) + 1);
    buf_init(&text, TEXT_MAX);
    while (!stream->ending && text.len < PIECE && stream->following <= events_last(stream->sse->events)) {
        if (!events_get(stream->sse->events, stream->following, &event)) {
            log_info("an event stream was too slow and is closed");
            exchange_stream_abort(exchange);
            goto out;
        }
        stream->following++;
        if (stream->job && (strcmp(event.kind, "job") || strcmp(event.id, stream->job)))
            continue;
        if (write_event(&text, event.kind, event.number, event.text)) {
            exchange_stream_abort(exchange);
            goto out;
        }
        stream->ending = stream->job && event.ended;
    }
    if (text.len < PIECE && write_load(stream, &text)) {
        exchange_stream_abort(exchange);
        goto out;
    }
    if (text.len > 0)
        exchange_stream_send(exchange, text.data, text.len);
    else if (stream->ending)
        exchange_stream_end(exchange);
out:
    buf_release(&text);
}

static void on_drained(void *arg)
{
    feed(arg);
}

static void on_closed(void *arg)
{
    struct stream *stream = arg;
    LIST_REMOVE(stream, listed);
    buf_release(&stream->snapshot);
    free(stream->job);
    free(stream);
}

static void feed_all(struct sse *sse)
{
    for (struct stream *stream = LIST_FIRST(&sse->streams), *next; stream; stream = next) {
        next = LIST_NEXT(stream, listed);
        feed(stream);
    }
}

/* An event is passed on with the next tick's batch and not from inside its publisher: what publishes may be in the
 * midst of its own lists. Nothing ticks where nobody follows, and where nothing happens. */
static void on_tick(void *arg)
{
    struct sse *sse = arg;
    int64_t now = clock_ms();
    sse->soon = false;
    events_tick(sse->events, now);
    feed_all(sse);
    int64_t due = events_due(sse->events);
    if (!LIST_EMPTY(&sse->streams) && due < INT64_MAX && !sse->soon)
        timer_start(sse->tick, due > now + TICK_MS ? due - now : TICK_MS);
}

static void on_news(void *arg)
{
    struct sse *sse = arg;
    if (LIST_EMPTY(&sse->streams) || sse->soon)
        return;
    sse->soon = true;
    timer_start(sse->tick, TICK_MS);
}

static void on_load(void *arg)
{
    struct sse *sse = arg;
    if (LIST_EMPTY(&sse->streams))
        return;
    timer_start(sse->load, LOAD_MS);
    if (node_loads_update(sse->broker->registry, &sse->load_version))
        feed_all(sse);
}

static void on_comment(void *arg)
{
    struct sse *sse = arg;
    static const char comment[] = ": still here\n\n";
    if (!LIST_EMPTY(&sse->streams))
        timer_start(sse->comment, COMMENT_MS);
    for (struct stream *stream = LIST_FIRST(&sse->streams); stream; stream = LIST_NEXT(stream, listed))
        if (!exchange_stream_busy(stream->exchange))
            exchange_stream_send(stream->exchange, comment, sizeof comment - 1);
}

struct sse *sse_new(struct broker *broker)
{
    struct sse *sse = calloc(1, sizeof *sse);
    if (!sse)
        return NULL;
    sse->broker = broker;
    sse->events = broker->events;
    sse->tick = timer_new(broker->base, on_tick, sse);
    sse->comment = timer_new(broker->base, on_comment, sse);
    sse->load = timer_new(broker->base, on_load, sse);
    if (!sse->tick || !sse->comment || !sse->load) {
        sse_free(sse);
        return NULL;
    }
    events_watch(sse->events, on_news, sse);
    return sse;
}

void sse_free(struct sse *sse)
{
    if (!sse)
        return;
    events_watch(sse->events, NULL, NULL);
    timer_free(sse->tick);
    timer_free(sse->comment);
    timer_free(sse->load);
    cJSON_free(sse->load_text.text);
    free(sse);
}

void sse_add(struct sse *sse, struct exchange *exchange, const char *job, bool ended,
             void (*fill)(struct exchange *exchange, struct snapshot *snapshot))
{
    struct stream *stream = calloc(1, sizeof *stream);
    struct snapshot snapshot = { .ok = true, .number = events_last(sse->events) };
    buf_init(&snapshot.text, TEXT_MAX);
    const char *last = exchange_header(exchange, "Last-Event-ID");
    uint64_t number = snapshot.number;
    if (!stream || (job && !(stream->job = strdup(job))))
        goto no_memory;
    if (!timer_is_running(sse->load)) { /* nobody listened */
        timer_start(sse->load, LOAD_MS);
        node_loads_update(sse->broker->registry, &sse->load_version);
    }
    /* The end of a job that has ended may be among the events kept or not: its last state is sent anyway. */
    if (!last || ended || !events_resume(sse->events, last, &number)) {
        number = snapshot.number;
        fill(exchange, &snapshot);
        stream->load = sse->load_version;
    }
    if (snapshot_close(&snapshot))
        goto no_memory;
    stream->sse = sse;
    stream->exchange = exchange;
    stream->snapshot = snapshot.text;
    stream->following = number + 1;
    stream->ending = ended;
    LIST_INSERT_HEAD(&sse->streams, stream, listed);
    if (!timer_is_running(sse->comment))
        timer_start(sse->comment, COMMENT_MS);
    on_news(sse); /* what is held back is due, now that there is someone to tell */
    exchange_stream_start(exchange, "text/event-stream", on_drained, on_closed, stream);
    feed(stream);
    return;

no_memory:
    buf_release(&snapshot.text);
    if (stream)
        free(stream->job);
    free(stream);
    exchange_error(exchange, 503, "no memory for an event stream");
}
