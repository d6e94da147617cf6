/* Timers by libevent's. */
#include "dcls/net/timer.h"

#include <stdlib.h>

#include "dcls/base/log.h"

struct timer {
    struct event *event;
    void (*expired)(void *arg);
    void *arg;
};

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    const struct timer *timer = arg;
    (void)fd, (void)what;
    timer->expired(timer->arg);
}

struct timer *timer_new(struct event_base *base, void (*expired)(void *arg), void *arg)
{
    struct timer *timer = malloc(sizeof *timer);
    struct event *event = timer ? evtimer_new(base, on_timeout, timer) : NULL;
    if (!event) {
        free(timer);
        return NULL;
    }
    *timer = (struct timer){ event, expired, arg };
    return timer;
}

void timer_free(struct timer *timer)
{
    if (!timer)
        return;
    event_free(timer->event);
    free(timer);
}

void timer_start(struct timer *timer, int64_t ms)
{
    struct timeval delay = { ms / 1000, ms % 1000 * 1000 };
    if (event_add(timer->event, &delay))
        log_error("no memory for a timer");
}

void timer_stop(struct timer *timer)
{
    event_del(timer->event);
}

bool timer_is_running(const struct timer *timer)
{
    return event_pending(timer->event, EV_TIMEOUT, NULL);
}
