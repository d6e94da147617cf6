/* The virtual clock: what is to happen when. Time passes only from one event to the next.
 *
 * An event may belong to a process: where that has ended meanwhile (process_end), the event is dropped unseen, as
 * timers and completions of a process that was killed are. Two events of one moment come in random order. */
#ifndef DCLS_SIM_TIMELINE_H
#define DCLS_SIM_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rng.h"

struct process {
    unsigned life; /* counts its starts and ends */
    bool up;
    int64_t stopped_until; /* SIGSTOP: what is due to it waits until then */
};

void process_start(struct process *process);
void process_end(struct process *process);

typedef void timeline_call(void *arg, void *detail);

struct timeline_event {
    int64_t at;
    uint64_t order;
    timeline_call *call;
    void *arg, *detail;
    const struct process *process; /* NULL: of the world */
    unsigned life;
};

struct timeline {
    struct rng rng;
    int64_t now; /* ms */
    struct timeline_event *heap;
    size_t count, cap;
};

void timeline_init(struct timeline *timeline, uint64_t seed);
void timeline_release(struct timeline *timeline);

/* Calls `call(arg, detail)` in `delay` ms (0: after what happens now). */
void timeline_after(struct timeline *timeline, int64_t delay, const struct process *process, timeline_call *call,
                    void *arg, void *detail);
/* The next event happens, and time with it. False where none is due before or at `until`: it is `until` then. */
bool timeline_step(struct timeline *timeline, int64_t until);

#endif
