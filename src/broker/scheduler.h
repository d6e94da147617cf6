/* Which node serves an inference: a pure function over a snapshot. Which training starts where is job_schedule.h's. */
#ifndef DCLS_BROKER_SCHEDULER_H
#define DCLS_BROKER_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct schedule_holder {
    const char *node;
    const char *sha256; /* of its model; NULL: not told (legacy) */
    bool trains;
    int pending;
};

enum schedule_inference { SCHEDULE_FOUND, SCHEDULE_NONE, SCHEDULE_AMBIGUOUS };

/* Of the holders of one model name: the least busy one (fewest pending, then one that does not train, then the first).
 * Two that are known to differ in digest are ambiguous. */
enum schedule_inference schedule_inference(const struct schedule_holder *holders, size_t count, size_t *found);

#endif
