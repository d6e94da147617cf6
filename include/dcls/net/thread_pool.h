/* Threads for what may block (files, a database, downloads, name look-ups), so that a role's loop never does.
 *
 * thread_pool_submit from the loop's thread; `run` happens on one of the pool's threads and should end soon after *stop
 * became true; `done` happens on the loop's thread, exactly once for each submission, stopped or not. What `arg` points
 * to stays the caller's and must live until `done`.
 *
 * Work of one lane runs in the order in which it was submitted, one after another, and is done in that order too. Lanes
 * run beside each other, as far as there are threads; work without a lane runs beside everything. A lane may have a
 * thread of its own, so that it never waits for other work to end, and a bound of its own, so that other work never
 * takes its room.
 *
 * The end comes in one of two ways: thread_pool_drain, then thread_pool_free, where what was accepted must be run; or
 * thread_pool_free alone, which stops everything. */
#ifndef DCLS_NET_THREAD_POOL_H
#define DCLS_NET_THREAD_POOL_H

#include <event2/event.h>
#include <stdatomic.h>
#include <stddef.h>

#include "dcls/base/err.h"

#define THREAD_POOL_THREADS 16
#define THREAD_POOL_LANES 8 /* their numbers begin at 0 */
#define NO_LANE (-1)

struct thread_pool;
struct work;

typedef int (*work_run)(void *arg, const atomic_bool *stop, struct err *err);
typedef void (*work_done)(void *arg, int result, const struct err *err);

/* At most `waiting_max` submissions wait for a thread or for their turn, besides those of lanes with their own bound.
 */
struct thread_pool *thread_pool_new(struct event_base *base, int threads, size_t waiting_max, struct err *err);
/* Both before anything is submitted. At most `waiting_max` submissions of this lane wait, whatever else does. */
void thread_pool_bound_lane(struct thread_pool *pool, int lane, size_t waiting_max);
/* Starts one more thread, which does what this lane has and nothing else; the other threads leave it alone. */
int thread_pool_own_thread(struct thread_pool *pool, int lane, struct err *err);
/* Runs everything to its end, with what is submitted meanwhile, and calls each `done`. */
void thread_pool_drain(struct thread_pool *pool);
/* Stops what runs and what waits, waits for it, and calls every `done` that is still due. What is submitted meanwhile
 * is refused. -1 where a thread does not end within 2 s: the process is to end, and till then what its work uses must
 * stay. */
int thread_pool_free(struct thread_pool *pool);

/* NULL where too much waits already in the lane, where memory lacks, and at the end: then `done` is not called. The
 * work is valid until its `done`. */
struct work *thread_pool_submit(struct thread_pool *pool, int lane, work_run run, work_done done, void *arg);
/* Asks the work to end early; its `done` still comes. */
void work_stop(struct work *work);

/* How much waits or runs: of one lane, or without one (NO_LANE). */
size_t thread_pool_depth(struct thread_pool *pool, int lane);

#endif
