/* What the files of the core of jobs share: nobody else's to include. See jobs.h for the whole. */
#ifndef DCLS_BROKER_JOBS_STATE_H
#define DCLS_BROKER_JOBS_STATE_H

#include "job.h"

struct registry;

struct jobs {
    struct registry *registry;
    struct job **items; /* by id, growing; also those that are not committed yet */
    size_t count, capacity;
    struct job_list live;        /* not over, oldest first */
    struct job_list active;      /* starting or running: what a node is busy with */
    struct job_list work;        /* has actions that are due */
    struct job_list retry;       /* waits until it may be written again */
    struct job *refused;         /* freed by the next jobs_next */
    size_t in_state[JOB_STATES]; /* also of those that are not committed yet */
    size_t unstored;
    int64_t last_id, last_key_ms;
    int64_t due_ms;         /* no deadline passes before */
    uint64_t nodes_version; /* changes when nodes come and go: by it reasons to wait are found */
    uint64_t idle_version;  /* changes when a node may have become free */
    bool schedule;          /* something may start, or has another reason to wait */
    bool stopping;
};

#endif
