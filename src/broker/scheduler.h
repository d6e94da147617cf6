/* Decisions: which queued training starts where, and which node serves an inference. Pure functions over snapshots:
 * nothing is sent, nothing is read but the arguments. */
#ifndef DCLS_BROKER_SCHEDULER_H
#define DCLS_BROKER_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct schedule_node {
    const char *name;
    bool trains;   /* runs a training already */
    int pending;   /* inferences that it has not answered */
    int64_t cores; /* 0: unknown */
};

/* Can `node` take the job, as far as its features go? */
typedef bool schedule_capable(void *arg, size_t job, size_t node);

struct schedule_job {
    const char *requested_node; /* the node it is bound to; NULL: any */
};

/* The first job, in order, that some idle node can take: true and both indices. A job bound to a busy or absent node
 * holds up nobody else's. Of several nodes an unbound job gets the one with the fewest pending inferences, then the
 * most cores, then the first. */
bool schedule_training(const struct schedule_job *jobs, size_t job_count, const struct schedule_node *nodes,
                       size_t node_count, schedule_capable *capable, void *arg, size_t *job, size_t *node);

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
