/* A timer of an event loop, on the loop's thread: each timer_start is followed by one call back, from the loop. It may
 * be started, stopped and freed from within that call. */
#ifndef DCLS_NET_TIMER_H
#define DCLS_NET_TIMER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct timer;

/* NULL where memory lacks. */
struct timer *timer_new(struct event_base *base, void (*expired)(void *arg), void *arg);
void timer_free(struct timer *timer); /* NULL is fine */

/* In `ms`, and not when it was due before; 0: as soon as the loop turns. */
void timer_start(struct timer *timer, int64_t ms);
void timer_stop(struct timer *timer);
bool timer_is_running(const struct timer *timer);

#endif
