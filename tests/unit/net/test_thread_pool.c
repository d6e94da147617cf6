/* Errands: each is done once, on the loop's thread, whether it ran or was stopped. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <stdio.h>
#include <string.h>

#include "dcls/net/thread_pool.h"

struct task {
    pthread_t loop, ran_on;
    int done, result;
    atomic_bool started;
    char why[512];
    struct event_base *base;
};

static int quick(void *arg, const volatile bool *stop, struct err *err)
{
    struct task *task = arg;
    (void)stop;
    task->ran_on = pthread_self();
    return err_set(err, "no luck");
}

static int until_stopped(void *arg, const volatile bool *stop, struct err *err)
{
    struct task *task = arg;
    atomic_store(&task->started, true);
    for (int i = 0; i < 5000 && !*stop; i++)
        usleep(1000);
    return *stop ? err_set(err, "stopped early") : 0;
}

static void on_done(void *arg, int result, const struct err *err)
{
    struct task *task = arg;
    assert_true(pthread_equal(pthread_self(), task->loop));
    task->done++;
    task->result = result;
    snprintf(task->why, sizeof task->why, "%s", err->text);
    event_base_loopbreak(task->base);
}

static void an_errand_runs_on_a_thread_and_is_done_on_the_loop(void **state)
{
    struct event_base *base = event_base_new();
    struct crew *crew = crew_new(base, 2, NULL);
    struct task task = { .loop = pthread_self(), .base = base };
    (void)state;
    assert_non_null(crew_start(crew, quick, on_done, &task));
    event_base_dispatch(base);
    assert_int_equal(task.done, 1);
    assert_int_equal(task.result, -1);
    assert_string_equal(task.why, "no luck");
    assert_false(pthread_equal(task.ran_on, task.loop));
    crew_free(crew);
    event_base_free(base);
}

static void a_stopped_errand_is_done_too(void **state)
{
    struct event_base *base = event_base_new();
    struct crew *crew = crew_new(base, 1, NULL);
    struct task first = { .loop = pthread_self(), .base = base }, second = { .loop = pthread_self(), .base = base };
    (void)state;
    struct errand *running = crew_start(crew, until_stopped, on_done, &first);
    while (!atomic_load(&first.started))
        usleep(1000);
    struct errand *waiting = crew_start(crew, quick, on_done, &second);
    errand_stop(waiting);
    errand_stop(running);
    while (!first.done || !second.done)
        event_base_dispatch(base);
    assert_string_equal(first.why, "stopped early");
    assert_string_equal(second.why, "stopped");
    crew_free(crew);
    event_base_free(base);
}

static void freeing_the_crew_stops_and_finishes_what_is_left(void **state)
{
    struct event_base *base = event_base_new();
    struct crew *crew = crew_new(base, 2, NULL);
    struct task tasks[5];
    (void)state;
    for (int i = 0; i < 5; i++) {
        memset(&tasks[i], 0, sizeof tasks[i]);
        tasks[i].loop = pthread_self();
        tasks[i].base = base;
        crew_start(crew, until_stopped, on_done, &tasks[i]);
    }
    crew_free(crew);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(tasks[i].done, 1);
        assert_int_equal(tasks[i].result, -1);
    }
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_errand_runs_on_a_thread_and_is_done_on_the_loop),
        cmocka_unit_test(a_stopped_errand_is_done_too),
        cmocka_unit_test(freeing_the_crew_stops_and_finishes_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
