/* The shell around the core of jobs: what is due goes into the store, over links, to event streams and to those who
 * wait, and what comes of it goes back. On the loop's thread. */
#ifndef DCLS_BROKER_JOBS_SHELL_H
#define DCLS_BROKER_JOBS_SHELL_H

#include "job.h"
#include "refusal.h"

struct broker;
struct jobs_shell;

/* Around broker->jobs. NULL where memory lacks. */
struct jobs_shell *jobs_shell_new(struct broker *broker);
void jobs_shell_free(struct jobs_shell *shell);
/* Behind each event that the core was told: does what is due, and is called again when more is. */
void jobs_shell_drain(struct broker *broker);
/* The loop no longer turns: nothing starts, and what was accepted goes to the store. Before the pool is drained. */
void jobs_shell_stop(struct broker *broker);

/* Takes a new job. -1 where memory lacks. Else `done` is called once, after the commit: `job` NULL where it could not
 * be stored. */
typedef void jobs_added(void *arg, const struct job *job);
int jobs_shell_add(struct broker *broker, struct job *job, jobs_added *done, void *arg);

/* Called with 200 (it is cancelled, and that is committed), 202 (that it is to be is committed, and its node is told),
 * 409 (it ended otherwise meanwhile) or 500 (that could not be stored yet: it is tried again). */
typedef void jobs_cancelled(void *arg, int status);
/* -1: refused, 404, 409 or 500. Else `done` is called once, later or at once. */
int jobs_shell_cancel(struct broker *broker, const char *id, jobs_cancelled *done, void *arg, struct refusal *refusal);

/* Of the caller's, listed until `ended` is called. */
struct jobs_waiter {
    struct jobs_waiter *next;
    const struct job *job;
    void (*ended)(void *arg, const struct job *job);
    void *arg;
};
/* Calls back once when the job's end is committed (at once where it is); not at all when the broker stops before. */
void jobs_shell_wait(struct broker *broker, struct jobs_waiter *waiter);
/* It may be listed or not. */
void jobs_shell_stop_waiting(struct broker *broker, const struct jobs_waiter *waiter);

/* Writes that are under way, or whose last attempt failed: a job whose next one is under way counts once. */
size_t jobs_shell_unstored(const struct broker *broker);

#endif
