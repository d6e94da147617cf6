/* A binary heap of events. */
#include "timeline.h"

#include <assert.h>
#include <stdlib.h>

void process_start(struct process *process)
{
    assert(!process->up);
    process->up = true;
    process->stopped_until = 0;
    process->life++;
}

void process_end(struct process *process)
{
    assert(process->up);
    process->up = false;
    process->life++;
}

void timeline_init(struct timeline *timeline, uint64_t seed)
{
    *timeline = (struct timeline){ .now = 0 };
    rng_init(&timeline->rng, seed, 0);
}

void timeline_release(struct timeline *timeline)
{
    free(timeline->heap);
    timeline->heap = NULL;
    timeline->count = timeline->cap = 0;
}

static bool earlier(const struct timeline_event *a, const struct timeline_event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct timeline_event *a, struct timeline_event *b)
{
    struct timeline_event kept = *a;
    *a = *b;
    *b = kept;
}

void timeline_after(struct timeline *timeline, int64_t delay, const struct process *process, timeline_call *call,
                    void *arg, void *detail)
{
    assert(delay >= 0);
    if (timeline->count == timeline->cap) {
        timeline->cap = timeline->cap ? 2 * timeline->cap : 256;
        timeline->heap = realloc(timeline->heap, timeline->cap * sizeof *timeline->heap);
        assert(timeline->heap);
    }
    size_t at = timeline->count++;
    timeline->heap[at] =
        (struct timeline_event){ timeline->now + delay,      rng_next(&timeline->rng), call, arg, detail, process,
                                 process ? process->life : 0 };
    for (; at && earlier(&timeline->heap[at], &timeline->heap[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&timeline->heap[at], &timeline->heap[(at - 1) / 2]);
}

static struct timeline_event take(struct timeline *timeline)
{
    struct timeline_event *heap = timeline->heap, first = heap[0];
    size_t at = 0, count = --timeline->count;
    heap[0] = heap[count];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && earlier(&heap[child + 1], &heap[child]);
        if (!earlier(&heap[child], &heap[at]))
            break;
        swap(&heap[child], &heap[at]);
    }
    return first;
}

bool timeline_step(struct timeline *timeline, int64_t until)
{
    while (timeline->count && timeline->heap[0].at <= until) {
        struct timeline_event event = take(timeline);
        assert(event.at >= timeline->now);
        timeline->now = event.at;
        if (event.process && event.process->life != event.life)
            continue;
        if (event.process && event.process->stopped_until > timeline->now) {
            timeline_after(timeline, event.process->stopped_until - timeline->now, event.process, event.call, event.arg,
                           event.detail);
            continue;
        }
        event.call(event.arg, event.detail);
        return true;
    }
    timeline->now = until;
    return false;
}
