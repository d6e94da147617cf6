/* The table of trainings: which there are, who waits for one, and how one ends.
 *
 * A job is listed when it is committed. An end is always by jobs_end, which stores it before anybody is told: an
 * outcome is acknowledged to its node when it is committed, and shown then or when it turns out that it cannot be. A
 * node that goes away keeps its job for JOBS_GRACE_MS; an outcome that arrives later still counts.
 *
 * job_submit.h puts a job in, job_start.h brings it to a node, job_reports.h takes what the node tells of it. */
#ifndef DCLS_BROKER_JOBS_H
#define DCLS_BROKER_JOBS_H

#include "job.h"
#include "refusal.h"

#define JOBS_GRACE_MS 60000
#define JOBS_QUEUE_MAX 10000 /* that wait */

struct broker;
struct jobs;
struct node;

/* `start` starts what can start: it is called from the loop, every second and soon after jobs_schedule. NULL where
 * memory lacks. */
struct jobs *jobs_new(struct broker *broker, void (*start)(struct broker *broker));
void jobs_free(struct jobs *jobs);
/* Takes what was stored, linked by next, oldest first; before the loop turns. */
void jobs_restore(struct jobs *jobs, struct job *stored);
/* Something may be able to start. */
void jobs_schedule(struct jobs *jobs);

struct job *jobs_first(const struct jobs *jobs); /* oldest first, linked by next */
struct job *jobs_find(const struct jobs *jobs, const char *id);
struct job *jobs_find_key(const struct jobs *jobs, const char *train_key); /* NULL: unknown, or no key */
/* That model's; NULL: none was. */
const struct job *jobs_last_started(const struct jobs *jobs, const char *model);
/* A queued or running job, or one that is about to be committed, trains that model. */
bool jobs_train_model(const struct jobs *jobs, const char *model);
size_t jobs_waiting(const struct jobs *jobs);
/* {"jobs": [...]}; NULL where memory lacks. */
cJSON *jobs_json(const struct jobs *jobs);

/* Takes a new job, numbers and stores it. -1 where memory lacks. Else `done` is called once, after the commit: `job`
 * NULL where it could not be stored. */
typedef void jobs_added(void *arg, const struct job *job);
int jobs_add(struct jobs *jobs, struct job *job, jobs_added *done, void *arg);
/* Stores the job as it is now. */
void jobs_save(struct jobs *jobs, const struct job *job);
/* Tells event streams of the job as it is now. */
void jobs_publish(struct jobs *jobs, const struct job *job);

/* Of the caller's, listed until `ended` is called. */
struct jobs_waiter {
    struct jobs_waiter *next;
    const struct job *job;
    void (*ended)(void *arg, const struct job *job);
    void *arg;
};
/* Calls back once when the job's end is shown (at once where it is); not at all when the broker stops before. */
void jobs_wait(struct jobs *jobs, struct jobs_waiter *waiter);
/* It may be listed or not. */
void jobs_stop_waiting(struct jobs *jobs, const struct jobs_waiter *waiter);

/* Called with 200 (its end is committed), 202 (its node was told), or 500: its end could not be stored. */
typedef void jobs_cancelled(void *arg, int status);
/* -1: refused. Else `done` is called once, later or at once. */
int jobs_cancel(struct jobs *jobs, const char *id, jobs_cancelled *done, void *arg, struct refusal *refusal);

/* How a job ends. `report` and `log` are stored; NULL keeps what was. */
struct job_end {
    enum job_state state;
    const char *error, *report, *log;
    bool acknowledge;     /* its node waits for SERVER JOB ACK */
    jobs_cancelled *done; /* may be NULL: who asked for it */
    void *arg;
};
/* Ends it now; stores that, and after the commit tells its node, who asked for it, who waits, and streams. */
void jobs_end(struct jobs *jobs, struct job *job, const struct job_end *end);
/* It is not to be had from its node any more: `why` it failed ("node 'n' WHY"), unless it was cancelled meanwhile. */
void jobs_give_up(struct jobs *jobs, struct job *job, const char *why);
/* A job whose start did not reach its node waits again, or ends where it was cancelled. */
void jobs_put_back(struct jobs *jobs, struct job *job);

#endif
