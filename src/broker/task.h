/* The one thread beside the loop, for what may block: SQLite, hashing, scans, blob files.
 *
 * Tasks run in the order in which they were submitted; each one's completion then runs on the loop's thread, in that
 * order too. What a task touches belongs to it until its completion. */
#ifndef DCLS_BROKER_TASK_H
#define DCLS_BROKER_TASK_H

#include <event2/event.h>

#include "dcls/base/err.h"

struct tasks;

struct tasks *tasks_new(struct event_base *base, struct err *err);
/* Runs what waits to its end, completions included (on the caller's thread: the loop no longer turns). */
void tasks_free(struct tasks *tasks);

/* `run` on the task thread, then `done` on the loop's, which always comes. -1 where memory lacks: neither is called. */
int tasks_submit(struct tasks *tasks, void (*run)(void *arg), void (*done)(void *arg), void *arg);

#endif
