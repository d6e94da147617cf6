/* Timers of an event loop. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dcls/net/timer.h"

struct ring {
    struct timer *timer;
    int count;
    int calls;     /* starts itself again until there were so many */
    bool frees_it; /* from within the call */
};

static void on_ring(void *arg)
{
    struct ring *ring = arg;
    ring->count++;
    if (ring->count < ring->calls)
        timer_start(ring->timer, 1);
    if (ring->frees_it)
        timer_free(ring->timer);
}

static struct event_base *setup(struct ring *ring)
{
    struct event_base *base = event_base_new();
    assert_non_null(base);
    *ring = (struct ring){ 0 };
    ring->timer = timer_new(base, on_ring, ring);
    assert_non_null(ring->timer);
    return base;
}

/* Until no event is due any more. */
static void turn(struct event_base *base)
{
    event_base_dispatch(base);
}

static void a_timer_calls_back_once_for_each_start(void **state)
{
    struct ring ring;
    struct event_base *base = setup(&ring);
    (void)state;
    turn(base);
    assert_int_equal(ring.count, 0);
    timer_start(ring.timer, 5);
    assert_true(timer_is_running(ring.timer));
    turn(base);
    assert_int_equal(ring.count, 1);
    assert_false(timer_is_running(ring.timer));
    timer_free(ring.timer);
    event_base_free(base);
}

static void a_second_start_takes_the_place_of_the_first(void **state)
{
    struct ring ring;
    struct event_base *base = setup(&ring);
    (void)state;
    timer_start(ring.timer, 3600 * 1000);
    timer_start(ring.timer, 0);
    turn(base); /* would wait for an hour */
    assert_int_equal(ring.count, 1);
    timer_free(ring.timer);
    event_base_free(base);
}

static void a_stopped_timer_does_not_call_back(void **state)
{
    struct ring ring;
    struct event_base *base = setup(&ring);
    (void)state;
    timer_start(ring.timer, 0);
    timer_stop(ring.timer);
    assert_false(timer_is_running(ring.timer));
    turn(base);
    assert_int_equal(ring.count, 0);
    timer_free(ring.timer);
    event_base_free(base);
}

static void it_may_be_started_from_within_its_call(void **state)
{
    struct ring ring;
    struct event_base *base = setup(&ring);
    (void)state;
    ring.calls = 3;
    timer_start(ring.timer, 0);
    turn(base);
    assert_int_equal(ring.count, 3);
    timer_free(ring.timer);
    event_base_free(base);
}

static void it_may_be_freed_from_within_its_call(void **state)
{
    struct ring ring;
    struct event_base *base = setup(&ring);
    (void)state;
    ring.frees_it = true;
    timer_start(ring.timer, 0);
    turn(base);
    assert_int_equal(ring.count, 1);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_calls_back_once_for_each_start),
        cmocka_unit_test(a_second_start_takes_the_place_of_the_first),
        cmocka_unit_test(a_stopped_timer_does_not_call_back),
        cmocka_unit_test(it_may_be_started_from_within_its_call),
        cmocka_unit_test(it_may_be_freed_from_within_its_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
