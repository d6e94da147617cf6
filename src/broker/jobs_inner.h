/* What the files of the jobs share, and nobody else includes: jobs.c (the table, submitting, cancelling, ending),
 * job_start.c (from the queue to a node), job_reports.c (what nodes tell). */
#ifndef DCLS_BROKER_JOBS_INNER_H
#define DCLS_BROKER_JOBS_INNER_H

#include "jobs.h"

#define QUEUE_MAX 10000 /* jobs that wait */

struct submission;
struct waiter;

struct jobs {
    struct broker *broker;
    struct job *first, **end;
    struct submission *submissions; /* not committed yet */
    struct waiter *waiters;
    struct event *tick;
    int64_t last_id, last_key_ms;
    bool stopping;
};

static inline bool job_is_over(const struct job *job)
{
    return job->state != JOB_QUEUED && job->state != JOB_RUNNING;
}

struct job *jobs_find_key(const struct jobs *jobs, const char *train_key); /* NULL: unknown, or no key */

/* Tells event streams of the job as it is. */
void job_publish(struct jobs *jobs, const struct job *job);
/* Its node is free again, as far as this job goes. */
void job_release_node(struct jobs *jobs, const struct job *job);

/* How a job ends. `report` and `log` are stored; NULL keeps what was. */
struct ending {
    enum job_state state;
    const char *error, *report, *log;
    bool acknowledge;     /* its node waits for SERVER JOB ACK */
    jobs_cancelled *done; /* may be NULL: who asked for it */
    void *arg;
};
/* Ends it now; stores that, and after the commit tells its node, who asked for it, who waits, and streams. */
void job_end(struct jobs *jobs, struct job *job, const struct ending *ending);
/* SERVER JOB ACK; `job` NULL: of an outcome that is not known here, told by `unknown`. */
void job_acknowledge(struct jobs *jobs, const char *node, const struct job *job, const struct msg *unknown);
void job_send_cancel(struct node *node, const struct job *job);

/* A job whose start did not reach its node waits again, or ends where it was cancelled. */
void job_put_back(struct jobs *jobs, struct job *job);

#endif
