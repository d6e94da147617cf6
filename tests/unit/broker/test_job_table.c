/* The table of jobs: finding them, and forgetting the oldest. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>

#include "core.h"

static void jobs_are_found_by_id_and_key_and_in_their_order(void **state)
{
    struct core *core = *state;
    for (int i = 0; i < 5; i++)
        core_add(core, "m", NULL);
    assert_null(jobs_find(core->jobs, "6"));
    assert_null(jobs_find(core->jobs, "0"));
    assert_null(jobs_find(core->jobs, ""));
    assert_null(jobs_find(core->jobs, "1x"));
    assert_null(jobs_find(core->jobs, "01"));
    assert_null(jobs_find_key(core->jobs, NULL));
    assert_null(jobs_find_key(core->jobs, "train:1"));
    assert_null(jobs_find_key(core->jobs, "inference:1700000000000"));
    struct job *job = jobs_oldest(core->jobs);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(strtol(job->id, NULL, 10), i);
        assert_ptr_equal(jobs_find(core->jobs, job->id), job);
        assert_ptr_equal(jobs_find_key(core->jobs, job->train_key), job);
        job = job_newer(core->jobs, job);
    }
    assert_null(job);
    assert_string_equal(jobs_oldest(core->jobs)->id, "1");
    assert_string_equal(jobs_in_place(core->jobs, jobs_place_from(core->jobs, 3))->id, "3");
    assert_int_equal(jobs_place_from(core->jobs, 1), 0);
    assert_int_equal(jobs_place_from(core->jobs, 99), jobs_places(core->jobs));
    assert_string_equal(job_newer(core->jobs, jobs_oldest(core->jobs))->id, "2");
}

static void what_is_not_over_is_listed_oldest_first_also_what_was_given_up_and_goes_on(void **state)
{
    struct core *core = *state;
    struct job *first = core_add(core, "m1", "away");
    struct node *n = core_join(core, "n", "i");
    struct job *second = core_run(core, n, "m2");
    core_leave(core, n);
    core_pass(core, JOBS_GRACE_MS);
    assert_int_equal(second->state, JOB_FAILED);
    struct job *third = core_add(core, "m3", "away");
    n = core_greet(core, "n", "i");
    core_inform_of(core, n, second, "running", "");
    assert_ptr_equal(jobs_first_live(core->jobs), first);
    assert_ptr_equal(job_next_live(first), second);
    assert_ptr_equal(job_next_live(second), third);
    assert_null(job_next_live(third));
    core_cancel(core, first);
    core_leave(core, n);
    core_pass(core, JOBS_GRACE_MS);
    n = core_greet(core, "n", "i");
    core_inform_of(core, n, second, "running", "");
    assert_ptr_equal(jobs_first_live(core->jobs), second);
}

static void numbers_and_keys_go_on_after_a_restart_also_where_the_clock_went_back(void **state)
{
    struct core *core = *state;
    core_add(core, "m", NULL);
    core_add(core, "m2", NULL);
    core->now.wall_ms -= 1000000;
    core_restart(core);
    struct job *job = core_add(core, "m3", NULL);
    assert_string_equal(job->id, "3");
    assert_string_equal(job->train_key, "train:1700000000002");
    assert_ptr_equal(jobs_find_key(core->jobs, "train:1700000000002"), job);
}

static void the_oldest_that_are_over_are_forgotten(void **state)
{
    struct core *core = *state;
    char id[JOB_ID_SIZE];
    for (int i = 0; i < 5; i++)
        core_add(core, "m", NULL);
    for (int i = 2; i <= 5; i++) {
        snprintf(id, sizeof id, "%d", i);
        core_cancel(core, jobs_find(core->jobs, id));
    }
    assert_true(jobs_forget_oldest(core->jobs, 3, id));
    assert_string_equal(id, "2");
    assert_false(jobs_forget_oldest(core->jobs, 3, id));
    assert_null(jobs_find(core->jobs, "2"));
    assert_non_null(jobs_find(core->jobs, "1")); /* which waits */
    assert_true(jobs_forget_oldest(core->jobs, 0, id));
    assert_string_equal(id, "3");
}

static void what_is_still_to_be_told_of_is_not_forgotten(void **state)
{
    struct core *core = *state;
    char id[JOB_ID_SIZE];
    struct job *job = core_add(core, "m", NULL);
    core->store = STORE_HOLDS;
    core_cancel(core, job);
    assert_false(jobs_forget_oldest(core->jobs, 0, id));
    core_release(core, true);
    assert_true(jobs_forget_oldest(core->jobs, 0, id));
}

static void an_ended_job_takes_less_than_a_kilobyte(void **state)
{
    struct core *core = *state;
    enum { COUNT = 1000 };
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < COUNT; i++) {
        struct job *job = core_new_job("a-model", NULL);
        struct job_action action;
        struct refusal refusal;
        assert_int_equal(jobs_add(core->jobs, job, core->now), 0);
        for (int turn = 0; turn < 2; turn++) {
            while (jobs_next(core->jobs, core->now, &action))
                if (action.what == JOB_STORE)
                    jobs_stored(core->jobs, action.job, action.version, true, core->now);
            if (!turn)
                assert_int_equal(jobs_cancel(core->jobs, job, core->now, &refusal), 0);
        }
        assert_int_equal(job->state, JOB_CANCELLED);
    }
    size_t each = (mallinfo2().uordblks - before) / COUNT;
    if (each > 900)
        fail_msg("%zu bytes a job", each);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(jobs_are_found_by_id_and_key_and_in_their_order),
        CORE_TEST(what_is_not_over_is_listed_oldest_first_also_what_was_given_up_and_goes_on),
        CORE_TEST(numbers_and_keys_go_on_after_a_restart_also_where_the_clock_went_back),
        CORE_TEST(the_oldest_that_are_over_are_forgotten),
        CORE_TEST(what_is_still_to_be_told_of_is_not_forgotten),
        CORE_TEST(an_ended_job_takes_less_than_a_kilobyte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
