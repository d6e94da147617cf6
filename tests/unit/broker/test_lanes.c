/* What of the broker's blocking work holds up what. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <semaphore.h>

#include "src/broker/lanes.h"

#define MANY 100

struct fixture {
    struct event_base *base;
    struct thread_pool *pool;
    sem_t go_on;
    int held, done;
};

static int hold(void *arg, const atomic_bool *stop, struct err *err)
{
    struct fixture *fixture = arg;
    (void)stop, (void)err;
    return sem_wait(&fixture->go_on);
}

static int nothing(void *arg, const atomic_bool *stop, struct err *err)
{
    (void)arg, (void)stop, (void)err;
    return 0;
}

static void done_hold(void *arg, int result, const struct err *err)
{
    struct fixture *fixture = arg;
    (void)result, (void)err;
    fixture->held--;
}

static void done_nothing(void *arg, int result, const struct err *err)
{
    struct fixture *fixture = arg;
    (void)result, (void)err;
    fixture->done++;
}

static void submit_held(struct fixture *fixture, int lane)
{
    assert_non_null(thread_pool_submit(fixture->pool, lane, hold, done_hold, fixture));
    fixture->held++;
}

static void turn_until_done(struct fixture *fixture, int done)
{
    while (fixture->done < done)
        event_base_loop(fixture->base, EVLOOP_ONCE);
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct err err = ERR_INIT;
    fixture = (struct fixture){ .base = event_base_new() };
    sem_init(&fixture.go_on, 0, 0);
    *state = &fixture;
    return fixture.base && (fixture.pool = lanes_new(fixture.base, &err)) ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < fixture->held; i++)
        sem_post(&fixture->go_on);
    thread_pool_free(fixture->pool);
    event_base_free(fixture->base);
    sem_destroy(&fixture->go_on);
    return 0;
}

static void commits_wait_for_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    for (int lane = NO_LANE; lane < BROKER_LANES; lane++)
        for (int i = 0; i < MANY && lane != LANE_STORE; i++)
            if (lane == NO_LANE || i < 2)
                submit_held(fixture, lane);
    assert_non_null(thread_pool_submit(fixture->pool, LANE_STORE, nothing, done_nothing, fixture));
    turn_until_done(fixture, 1);
}

static void files_are_opened_while_blobs_are_written_and_folders_scanned(void **state)
{
    struct fixture *fixture = *state;
    for (int lane = LANE_STORE; lane < BROKER_LANES; lane++)
        for (int i = 0; i < 2; i++)
            submit_held(fixture, lane);
    for (int i = 0; i < MANY; i++)
        assert_non_null(thread_pool_submit(fixture->pool, NO_LANE, nothing, done_nothing, fixture));
    turn_until_done(fixture, MANY);
}

static void what_waits_in_a_lane_is_bounded_and_takes_no_room_from_another(void **state)
{
    struct fixture *fixture = *state;
    int waiting = 0;
    while (thread_pool_submit(fixture->pool, LANE_SCANS, hold, done_hold, fixture)) {
        fixture->held++;
        assert_true(waiting++ < 20000);
    }
    assert_int_equal(thread_pool_depth(fixture->pool, LANE_SCANS), waiting);
    for (int lane = NO_LANE; lane < BROKER_LANES; lane++)
        if (lane != LANE_SCANS)
            assert_non_null(thread_pool_submit(fixture->pool, lane, nothing, done_nothing, fixture));
    turn_until_done(fixture, BROKER_LANES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commits_wait_for_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(files_are_opened_while_blobs_are_written_and_folders_scanned, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waits_in_a_lane_is_bounded_and_takes_no_room_from_another, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
