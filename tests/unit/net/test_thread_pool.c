/* Work is done once, on the loop's thread, whether it ran or was stopped; lanes keep their order. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stdio.h>
#include <string.h>

#include "dcls/net/thread_pool.h"

#define MANY 100
#define PATIENCE_MS 5000

enum lane { LANE_A, LANE_B };

struct fixture {
    struct event_base *base;
    struct thread_pool *pool;
};

struct job {
    pthread_t loop, ran_on;
    int done, result;
    atomic_bool started, go_on;
    char why[512];
    struct event_base *base;
    struct job *beside; /* until_beside waits for it */
    int *counter, ran_as, done_as;
};

static void setup(struct fixture *fixture, int threads, size_t waiting_max)
{
    struct err err = ERR_INIT;
    fixture->base = event_base_new();
    fixture->pool = thread_pool_new(fixture->base, threads, waiting_max, &err);
    assert_non_null(fixture->pool);
}

static void teardown(struct fixture *fixture)
{
    thread_pool_free(fixture->pool);
    event_base_free(fixture->base);
}

static struct job job_of(const struct fixture *fixture)
{
    return (struct job){ .loop = pthread_self(), .base = fixture->base };
}

static int quick(void *arg, const atomic_bool *stop, struct err *err)
{
    struct job *job = arg;
    (void)stop;
    job->ran_on = pthread_self();
    return err_set(err, "no luck");
}

static bool wait_for(const atomic_bool *flag, const atomic_bool *stop)
{
    for (int i = 0; i < PATIENCE_MS && !*flag && !*stop; i++)
        usleep(1000);
    return *flag;
}

static int until_stopped(void *arg, const atomic_bool *stop, struct err *err)
{
    struct job *job = arg;
    job->started = true;
    return wait_for(stop, stop) ? err_set(err, "stopped early") : 0;
}

static int until_told(void *arg, const atomic_bool *stop, struct err *err)
{
    struct job *job = arg;
    job->started = true;
    return wait_for(&job->go_on, stop) ? 0 : err_set(err, "was not told");
}

static int until_beside(void *arg, const atomic_bool *stop, struct err *err)
{
    struct job *job = arg;
    job->started = true;
    return wait_for(&job->beside->started, stop) ? 0 : err_set(err, "nothing ran beside");
}

/* The counter has no lock: a lane is one. */
static int count(void *arg, const atomic_bool *stop, struct err *err)
{
    struct job *job = arg;
    (void)stop;
    (void)err;
    int value = *job->counter;
    usleep(100);
    *job->counter = value + 1;
    job->ran_as = value;
    return 0;
}

static void on_done(void *arg, int result, const struct err *err)
{
    struct job *job = arg;
    assert_true(pthread_equal(pthread_self(), job->loop));
    job->done++;
    job->result = result;
    snprintf(job->why, sizeof job->why, "%s", err->text);
    event_base_loopbreak(job->base);
}

static int done_count;

static void on_done_count(void *arg, int result, const struct err *err)
{
    struct job *job = arg;
    on_done(arg, result, err);
    job->done_as = done_count++;
}

static void until_done(const struct fixture *fixture, const struct job *job)
{
    while (!job->done)
        event_base_dispatch(fixture->base);
}

static void until_started(const struct job *job)
{
    for (int i = 0; i < PATIENCE_MS && !job->started; i++)
        usleep(1000);
    assert_true(job->started);
}

static void work_runs_on_a_thread_and_is_done_on_the_loop(void **state)
{
    struct fixture fixture;
    (void)state;
    setup(&fixture, 2, MANY);
    struct job job = job_of(&fixture);
    assert_non_null(thread_pool_submit(fixture.pool, NO_LANE, quick, on_done, &job));
    until_done(&fixture, &job);
    assert_int_equal(job.done, 1);
    assert_int_equal(job.result, -1);
    assert_string_equal(job.why, "no luck");
    assert_false(pthread_equal(job.ran_on, job.loop));
    teardown(&fixture);
}

static void stopped_work_is_done_too(void **state)
{
    struct fixture fixture;
    (void)state;
    setup(&fixture, 1, MANY);
    struct job first = job_of(&fixture), second = job_of(&fixture);
    struct work *running = thread_pool_submit(fixture.pool, NO_LANE, until_stopped, on_done, &first);
    until_started(&first);
    struct work *waiting = thread_pool_submit(fixture.pool, NO_LANE, quick, on_done, &second);
    work_stop(waiting);
    work_stop(running);
    until_done(&fixture, &first);
    until_done(&fixture, &second);
    assert_string_equal(first.why, "stopped early");
    assert_string_equal(second.why, "stopped");
    teardown(&fixture);
}

static void freeing_the_pool_stops_and_finishes_what_is_left(void **state)
{
    struct fixture fixture;
    struct job jobs[6];
    (void)state;
    setup(&fixture, 2, MANY);
    for (int i = 0; i < 6; i++) {
        jobs[i] = job_of(&fixture);
        assert_non_null(thread_pool_submit(fixture.pool, i % 2 ? LANE_A : NO_LANE, until_stopped, on_done, &jobs[i]));
    }
    teardown(&fixture);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(jobs[i].done, 1);
        assert_int_equal(jobs[i].result, -1);
    }
}

static void work_of_one_lane_runs_one_after_another_and_is_done_in_that_order(void **state)
{
    struct fixture fixture;
    struct job jobs[MANY];
    int counter = 0;
    (void)state;
    done_count = 0;
    setup(&fixture, 4, MANY);
    for (int i = 0; i < MANY; i++) {
        jobs[i] = job_of(&fixture);
        jobs[i].counter = &counter;
        assert_non_null(thread_pool_submit(fixture.pool, LANE_A, count, on_done_count, &jobs[i]));
    }
    until_done(&fixture, &jobs[MANY - 1]);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(jobs[i].ran_as, i);
        assert_int_equal(jobs[i].done_as, i);
    }
    teardown(&fixture);
}

static void lanes_run_beside_each_other_and_work_without_a_lane_beside_all(void **state)
{
    static const int lanes[][2] = { { LANE_A, LANE_B }, { LANE_A, NO_LANE }, { NO_LANE, NO_LANE } };
    (void)state;
    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) {
        struct fixture fixture;
        setup(&fixture, 2, MANY);
        struct job first = job_of(&fixture), second = job_of(&fixture);
        first.beside = &second;
        second.beside = &first;
        thread_pool_submit(fixture.pool, lanes[i][0], until_beside, on_done, &first);
        thread_pool_submit(fixture.pool, lanes[i][1], until_beside, on_done, &second);
        until_done(&fixture, &first);
        until_done(&fixture, &second);
        assert_int_equal(first.result, 0);
        assert_int_equal(second.result, 0);
        teardown(&fixture);
    }
}

static void a_lane_that_waits_for_its_turn_takes_no_thread_from_another(void **state)
{
    struct fixture fixture;
    (void)state;
    setup(&fixture, 2, MANY);
    struct job held = job_of(&fixture), behind = job_of(&fixture), other = job_of(&fixture);
    thread_pool_submit(fixture.pool, LANE_A, until_told, on_done, &held);
    until_started(&held);
    thread_pool_submit(fixture.pool, LANE_A, quick, on_done, &behind);
    thread_pool_submit(fixture.pool, LANE_B, quick, on_done, &other);
    until_done(&fixture, &other);
    assert_int_equal(behind.done, 0);
    held.go_on = true;
    until_done(&fixture, &behind);
    assert_int_equal(held.done, 1);
    teardown(&fixture);
}

static void too_much_that_waits_is_refused(void **state)
{
    struct fixture fixture;
    (void)state;
    setup(&fixture, 1, 2);
    struct job held = job_of(&fixture), waits[2] = { job_of(&fixture), job_of(&fixture) }, late = job_of(&fixture);
    thread_pool_submit(fixture.pool, LANE_A, until_told, on_done, &held);
    until_started(&held);
    for (int i = 0; i < 2; i++)
        assert_non_null(thread_pool_submit(fixture.pool, LANE_A, quick, on_done, &waits[i]));
    assert_null(thread_pool_submit(fixture.pool, LANE_B, quick, on_done, &late));
    held.go_on = true;
    until_done(&fixture, &waits[1]);
    assert_int_equal(late.done, 0);
    assert_non_null(thread_pool_submit(fixture.pool, LANE_B, quick, on_done, &late));
    until_done(&fixture, &late);
    teardown(&fixture);
}

static void the_depth_counts_what_waits_and_what_runs(void **state)
{
    struct fixture fixture;
    (void)state;
    setup(&fixture, 2, MANY);
    struct job held = job_of(&fixture), behind = job_of(&fixture), alone = job_of(&fixture);
    assert_int_equal(thread_pool_depth(fixture.pool, LANE_B), 0);
    thread_pool_submit(fixture.pool, LANE_B, until_told, on_done, &held);
    thread_pool_submit(fixture.pool, LANE_B, quick, on_done, &behind);
    thread_pool_submit(fixture.pool, NO_LANE, until_told, on_done, &alone);
    until_started(&held);
    until_started(&alone);
    assert_int_equal(thread_pool_depth(fixture.pool, LANE_A), 0);
    assert_int_equal(thread_pool_depth(fixture.pool, LANE_B), 2);
    assert_int_equal(thread_pool_depth(fixture.pool, NO_LANE), 1);
    held.go_on = alone.go_on = true;
    until_done(&fixture, &behind);
    until_done(&fixture, &alone);
    assert_int_equal(thread_pool_depth(fixture.pool, LANE_B), 0);
    assert_int_equal(thread_pool_depth(fixture.pool, NO_LANE), 0);
    teardown(&fixture);
}

static void a_lane_with_a_thread_of_its_own_waits_for_no_other_work(void **state)
{
    struct fixture fixture;
    struct err err = ERR_INIT;
    (void)state;
    setup(&fixture, 1, MANY);
    assert_int_equal(thread_pool_own_thread(fixture.pool, LANE_A, &err), 0);
    struct job held = job_of(&fixture), own = job_of(&fixture), behind = job_of(&fixture), free_one = job_of(&fixture);
    thread_pool_submit(fixture.pool, LANE_B, until_told, on_done, &held);
    until_started(&held);
    thread_pool_submit(fixture.pool, NO_LANE, quick, on_done, &behind);
    thread_pool_submit(fixture.pool, LANE_A, until_told, on_done, &own);
    until_started(&own);
    own.go_on = true;
    until_done(&fixture, &own);
    assert_int_equal(own.result, 0);
    /* Its thread, idle now, does nothing else's work. */
    usleep(20000);
    assert_int_equal(thread_pool_depth(fixture.pool, NO_LANE), 1);
    held.go_on = true;
    until_done(&fixture, &behind);
    /* Nor do the others do its work: what it does now holds it alone. */
    own.go_on = own.started = false;
    thread_pool_submit(fixture.pool, LANE_A, until_told, on_done, &own);
    until_started(&own);
    thread_pool_submit(fixture.pool, LANE_B, quick, on_done, &free_one);
    until_done(&fixture, &free_one);
    assert_int_equal(thread_pool_depth(fixture.pool, LANE_A), 1);
    teardown(&fixture);
    assert_int_equal(own.done, 2);
}

static void a_bound_of_a_lanes_own_is_not_used_up_by_others(void **state)
{
    struct fixture fixture;
    (void)state;
    setup(&fixture, 1, 1);
    thread_pool_bound_lane(fixture.pool, LANE_A, 2);
    struct job held = job_of(&fixture), waits[3] = { job_of(&fixture), job_of(&fixture), job_of(&fixture) };
    struct job late = job_of(&fixture);
    thread_pool_submit(fixture.pool, LANE_B, until_told, on_done, &held);
    until_started(&held);
    assert_non_null(thread_pool_submit(fixture.pool, LANE_B, quick, on_done, &waits[0]));
    assert_null(thread_pool_submit(fixture.pool, NO_LANE, quick, on_done, &late));
    assert_non_null(thread_pool_submit(fixture.pool, LANE_A, quick, on_done, &waits[1]));
    assert_non_null(thread_pool_submit(fixture.pool, LANE_A, quick, on_done, &waits[2]));
    assert_null(thread_pool_submit(fixture.pool, LANE_A, quick, on_done, &late));
    held.go_on = true;
    until_done(&fixture, &waits[2]);
    /* Both kinds of room are there again, whichever filled. */
    assert_non_null(thread_pool_submit(fixture.pool, NO_LANE, quick, on_done, &late));
    until_done(&fixture, &late);
    assert_int_equal(late.done, 1);
    teardown(&fixture);
}

struct chain {
    struct fixture *fixture;
    int left, done;
};

static int nothing(void *arg, const atomic_bool *stop, struct err *err)
{
    (void)arg;
    (void)stop;
    (void)err;
    usleep(1000);
    return 0;
}

static void submit_next(void *arg, int result, const struct err *err)
{
    struct chain *chain = arg;
    (void)err;
    assert_int_equal(result, 0);
    chain->done++;
    if (chain->left-- > 0)
        assert_non_null(thread_pool_submit(chain->fixture->pool, LANE_A, nothing, submit_next, chain));
}

static void draining_runs_all_that_waits_and_what_its_completions_submit(void **state)
{
    struct fixture fixture;
    struct chain chain = { .fixture = &fixture, .left = 5 };
    struct job jobs[3];
    (void)state;
    setup(&fixture, 1, MANY);
    assert_non_null(thread_pool_submit(fixture.pool, LANE_A, nothing, submit_next, &chain));
    for (int i = 0; i < 3; i++) {
        jobs[i] = job_of(&fixture);
        thread_pool_submit(fixture.pool, LANE_A, quick, on_done, &jobs[i]);
    }
    thread_pool_drain(fixture.pool);
    assert_int_equal(chain.done, 6);
    for (int i = 0; i < 3; i++)
        assert_string_equal(jobs[i].why, "no luck"); /* ran, was not stopped */
    teardown(&fixture);
}

static void submit_to_the_end(void *arg, int result, const struct err *err)
{
    struct chain *chain = arg;
    (void)err;
    assert_int_equal(result, -1);
    chain->done++;
    assert_null(thread_pool_submit(chain->fixture->pool, LANE_A, nothing, submit_to_the_end, chain));
}

static void what_completions_submit_while_the_pool_is_freed_is_refused(void **state)
{
    struct fixture fixture;
    struct chain chain = { .fixture = &fixture };
    (void)state;
    setup(&fixture, 1, MANY);
    struct job held = job_of(&fixture);
    thread_pool_submit(fixture.pool, LANE_A, until_stopped, on_done, &held);
    thread_pool_submit(fixture.pool, LANE_A, nothing, submit_to_the_end, &chain);
    teardown(&fixture);
    assert_int_equal(chain.done, 1);
}

static int until_it_may_go_on(void *arg, const atomic_bool *stop, struct err *err)
{
    struct job *job = arg;
    (void)stop, (void)err;
    job->started = true;
    while (!job->go_on)
        usleep(1000);
    return 0;
}

static void a_thread_that_does_not_end_is_left_with_what_it_uses(void **state)
{
    static struct fixture fixture; /* as the pool is not freed */
    static struct job held;
    (void)state;
    setup(&fixture, 1, MANY);
    held = job_of(&fixture);
    assert_non_null(thread_pool_submit(fixture.pool, NO_LANE, until_it_may_go_on, on_done, &held));
    while (!held.started)
        usleep(1000);
    assert_int_equal(thread_pool_free(fixture.pool), -1);
    assert_int_equal(held.done, 0);
    held.go_on = true;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_runs_on_a_thread_and_is_done_on_the_loop),
        cmocka_unit_test(stopped_work_is_done_too),
        cmocka_unit_test(freeing_the_pool_stops_and_finishes_what_is_left),
        cmocka_unit_test(work_of_one_lane_runs_one_after_another_and_is_done_in_that_order),
        cmocka_unit_test(lanes_run_beside_each_other_and_work_without_a_lane_beside_all),
        cmocka_unit_test(a_lane_that_waits_for_its_turn_takes_no_thread_from_another),
        cmocka_unit_test(too_much_that_waits_is_refused),
        cmocka_unit_test(a_lane_with_a_thread_of_its_own_waits_for_no_other_work),
        cmocka_unit_test(a_bound_of_a_lanes_own_is_not_used_up_by_others),
        cmocka_unit_test(the_depth_counts_what_waits_and_what_runs),
        cmocka_unit_test(draining_runs_all_that_waits_and_what_its_completions_submit),
        cmocka_unit_test(a_thread_that_does_not_end_is_left_with_what_it_uses),
        cmocka_unit_test(what_completions_submit_while_the_pool_is_freed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
