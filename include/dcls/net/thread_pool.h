/* Threads for what may block (downloads, name look-ups, hashing), so that the node's loop never does.
 *
 * crew_start from the loop's thread; `run` happens on one of the crew's threads and must end soon after *stop became
 * true; `done` happens on the loop's thread, exactly once for each start, stopped or not. What `arg` points to stays
 * the caller's and must live until `done`. */
#ifndef DCLS_NODE_CREW_H
#define DCLS_NODE_CREW_H

#include <event2/event.h>
#include <stdbool.h>

#include "dcls/base/err.h"

struct crew;
struct errand;

typedef int (*errand_run)(void *arg, const volatile bool *stop, struct err *err);
typedef void (*errand_done)(void *arg, int result, const struct err *err);

struct crew *crew_new(struct event_base *base, int threads, struct err *err);
/* Stops what runs, waits for it, and calls every `done` that is still due. */
void crew_free(struct crew *crew);

/* NULL where memory lacks: then `done` is not called. The errand is valid until its `done`. */
struct errand *crew_start(struct crew *crew, errand_run run, errand_done done, void *arg);
/* Asks the errand to end early; its `done` still comes. */
void errand_stop(struct errand *errand);

#endif
