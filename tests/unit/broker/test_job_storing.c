/* The core of jobs and a store that fails, holds, or is all that is left: at each point of a job's life. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core.h"

/* The life of one job, a step a call; NULL job: it is not there yet. False: there are no more. */
static bool live_on(struct core *core, int step)
{
    struct job *job = jobs_find(core->jobs, "1");
    struct node *node = registry_find(core->registry, "n");
    switch (step) {
    case 0: core_add(core, "m", NULL); return true;
    case 1: node = core_join(core, "n", "i"); return true;
    case 2: core_progress(core, node, job, ", \"result\": {\"epoch\": 1}"); return true;
    case 3: core_leave(core, node); return true;
    case 4: core_inform_of(core, core_greet(core, "n", "i"), job, "running", ""); return true;
    case 5: core_progress(core, node, job, ", \"result\": {\"epoch\": 2}, \"notice\": \"it is slow\""); return true;
    case 6: core_completed(core, node, job, (int)job->generation, ""); return true;
    default: return false;
    }
}

#define STEPS 7

static void assert_completed(struct core *core)
{
    const struct job *job = jobs_find(core->jobs, "1");
    assert_int_equal(job_shown(job), JOB_COMPLETED);
    assert_int_equal(job->committed, job->version);
    assert_int_equal(core->rows[1]->state, JOB_COMPLETED);
    assert_int_equal(jobs_unstored(core->jobs), 0);
    assert_null(job->live);
}

static void writes_that_fail_for_a_while_at_any_step_change_nothing_of_the_end(void **state)
{
    for (int failing = 1; failing < STEPS; failing++) {
        struct core *core;
        core_setup((void **)&core);
        for (int step = 0; live_on(core, step); step++) {
            if (step != failing)
                continue;
            core->store = STORE_FAILS;
            /* What is done while it fails is done again, where it came to nothing. */
            live_on(core, ++step);
            core_pass(core, 20000);
            core->store = STORE_WORKS;
            core_pass(core, JOBS_RETRY_MAX_MS);
        }
        struct job *job = jobs_find(core->jobs, "1");
        struct node *node = registry_find(core->registry, "n");
        if (!job_is_over(job)) {
            core_progress(core, node, job, "");
            core_completed(core, node, job, (int)job->generation, "");
        }
        assert_completed(core);
        core_teardown((void **)&core);
    }
    (void)state;
}

static void a_first_write_that_fails_at_any_step_is_tried_again(void **state)
{
    for (int failing = 1; failing < STEPS; failing++) {
        struct core *core;
        core_setup((void **)&core);
        for (int step = 0; step < STEPS; step++) {
            core->store = step == failing ? STORE_FAILS : STORE_WORKS;
            live_on(core, step);
            core->store = STORE_WORKS;
            core_pass(core, JOBS_RETRY_MIN_MS);
        }
        assert_completed(core);
        core_teardown((void **)&core);
    }
    (void)state;
}

/* The broker dies after the step, once with what the store was told committed and once without it. */
static void after_a_restart_at_any_step_the_job_comes_to_its_end(void **state)
{
    for (int dies = 0; dies < STEPS * 2; dies++) {
        struct core *core;
        core_setup((void **)&core);
        for (int step = 0; step <= dies / 2; step++) {
            if (step == dies / 2)
                core->store = STORE_HOLDS;
            live_on(core, step);
        }
        for (size_t i = 0; dies % 2 && i < core->write_count; i++) {
            job_free(core->rows[1]);
            core->rows[1] = core->writes[i].copy;
            core->writes[i].copy = NULL;
        }
        core->store = STORE_WORKS;
        core_restart(core);
        struct job *job = jobs_find(core->jobs, "1");
        if (!job) {
            assert_int_equal(dies, 0); /* it was never told that it is queued */
            core_teardown((void **)&core);
            continue;
        }
        struct node *node = core_greet(core, "n", "i");
        if (dies / 2 >= 1 && dies != 2)
            core_inform_of(core, node, job, "running", "");
        else
            core_inform(core, node, "[]");
        if (!job_is_over(job)) {
            core_progress(core, node, job, "");
            assert_int_equal(job_shown(job), JOB_RUNNING);
            assert_int_equal(core_completed(core, node, job, (int)job->generation, ""), JOB_OUTCOME_TAKEN);
        }
        assert_completed(core);
        core_teardown((void **)&core);
    }
    (void)state;
}

static void writes_that_fail_are_tried_again_further_and_further_apart(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    int64_t last = core->now.ms, pause = 0;
    core->store = STORE_FAILS;
    core_completed(core, n, job, 1, "");
    assert_int_equal(jobs_unstored(core->jobs), 1);
    for (int i = 0; i < 12; i++) {
        int failures = job->failures;
        while (job->failures == failures)
            core_pass(core, 10);
        assert_true(core->now.ms - last >= pause);
        pause = core->now.ms - last;
        last = core->now.ms;
        assert_in_range(pause, JOBS_RETRY_MIN_MS, JOBS_RETRY_MAX_MS + 10);
    }
    assert_true(pause >= JOBS_RETRY_MAX_MS);
    assert_int_equal(job_shown(job), JOB_ENDING);
    assert_said(core, "");
    core->store = STORE_WORKS;
    core_pass(core, JOBS_RETRY_MAX_MS);
    assert_said(core, "ack 1.1 n;answer 1 409;ended 1 completed;");
    assert_int_equal(jobs_unstored(core->jobs), 0);
}

static void one_write_of_a_job_is_under_way_at_a_time_and_the_last_state_is_written(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core->store = STORE_HOLDS;
    core_progress(core, n, job, ", \"result\": {\"epoch\": 1}");
    core_progress(core, n, job, ", \"result\": {\"epoch\": 2}");
    core_completed(core, n, job, 1, "");
    assert_int_equal(core->write_count, 1);
    core_release(core, true);
    assert_int_equal(core->write_count, 1);
    assert_int_equal(core->writes[0].copy->state, JOB_COMPLETED);
    assert_said(core, "");
    core_release(core, true);
    assert_completed(core);
}

static void when_the_broker_stops_what_could_not_be_stored_is_tried_once_more(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core->store = STORE_FAILS;
    core_completed(core, n, job, 1, "");
    core->store = STORE_WORKS;
    jobs_stop(core->jobs, core->now);
    core_drain(core);
    assert_completed(core);
}

static void a_copy_is_what_the_store_keeps_and_nothing_else(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core_progress(core, n, job, ", \"batch\": 7, \"batches\": 9, \"message\": \"reads images\"");
    core->store = STORE_HOLDS;
    core_completed(core, n, job, 1, "");
    struct job *copy = job_copy_stored(job);
    assert_int_equal(copy->state, JOB_COMPLETED);
    assert_string_equal(copy->live->end.log, "log");
    assert_int_equal(copy->live->batch, 0);
    assert_null(copy->reason);
    assert_int_equal(copy->version, 0);
    assert_false(copy->is_in_work || copy->is_active || copy->is_listed_live);
    job_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_that_fail_for_a_while_at_any_step_change_nothing_of_the_end),
        cmocka_unit_test(a_first_write_that_fails_at_any_step_is_tried_again),
        cmocka_unit_test(after_a_restart_at_any_step_the_job_comes_to_its_end),
        CORE_TEST(writes_that_fail_are_tried_again_further_and_further_apart),
        CORE_TEST(one_write_of_a_job_is_under_way_at_a_time_and_the_last_state_is_written),
        CORE_TEST(when_the_broker_stops_what_could_not_be_stored_is_tried_once_more),
        CORE_TEST(a_copy_is_what_the_store_keeps_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
