/* The core of jobs, from the queue to a training that runs: lost starts, and words that do not come. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core.h"

static void a_start_is_committed_before_it_is_sent_and_runs_from_the_first_word_on(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    core->store = STORE_HOLDS;
    assert_null(core_add(core, "m", NULL));
    core_release(core, true);
    assert_said(core, "added 1 202;");
    struct job *job = jobs_find(core->jobs, "1");
    assert_int_equal(job_shown(job), JOB_QUEUED);
    assert_int_equal(job->state, JOB_STARTING);
    core_release(core, true);
    assert_said(core, "train 1.1 n;");
    assert_int_equal(job_shown(job), JOB_STARTING);
    assert_string_equal(core->rows[1]->live->assignments[0].node, "n");
    assert_string_equal(core->rows[1]->live->assignments[0].instance, "i");
    assert_true(core_progress(core, n, job, ""));
    assert_int_equal(job_shown(job), JOB_STARTING);
    core_release(core, true);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    assert_said(core, "");
}

static void a_legacy_node_trains_from_when_it_was_told(void **state)
{
    struct core *core = *state;
    core_join_legacy(core, "old");
    const struct job *job = core_add(core, "m", NULL);
    assert_said(core, "added 1 202;train 1.1 old;");
    assert_int_equal(job_shown(job), JOB_RUNNING);
    core_pass(core, 3600 * 1000);
    assert_int_equal(job_shown(job), JOB_RUNNING); /* it tells nothing but the outcome */
    assert_null(job->reason);
    assert_int_equal(jobs_due(core->jobs), INT64_MAX);
}

static void a_legacy_node_trains_nothing_that_still_waits_behind_what_it_was_asked_before(void **state)
{
    struct core *core = *state;
    struct node *old = core_join_legacy(core, "old");
    core->links_wait = true;
    struct job *job = core_add(core, "m", NULL);
    assert_int_equal(job_shown(job), JOB_STARTING);
    core_inform(core, old, "[]");
    core_pass(core, 10 * JOBS_BEGIN_MS);
    assert_int_equal(job_shown(job), JOB_STARTING);
    assert_string_equal(job->reason, "node 'old' is told of it when it has answered what it was asked before");
    assert_in_range(jobs_due(core->jobs), core->now.ms, core->now.ms + JOBS_BEGIN_MS);
    /* It goes, however often: nothing was lost. */
    for (int i = 0; i <= JOBS_LOST_STARTS; i++) {
        core_leave(core, old);
        assert_int_equal(job_shown(job), JOB_QUEUED);
        old = core_join_legacy(core, "old");
        assert_int_equal(job_shown(job), JOB_STARTING);
    }
    job_reports_train_left(core->jobs, old, "train:1");
    core_drain(core);
    assert_int_equal(job_shown(job), JOB_STARTING);
    job_reports_train_left(core->jobs, old, job->train_key);
    core_drain(core);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    assert_null(job->reason);
}

static void a_start_that_cannot_be_stored_is_queued_and_tried_again(void **state)
{
    struct core *core = *state;
    core_join(core, "n", "i");
    core->store = STORE_HOLDS;
    core_add(core, "m", NULL);
    core_release(core, true);
    core->said[0] = '\0';
    core->store = STORE_FAILS;
    core_release(core, false);
    struct job *job = jobs_find(core->jobs, "1");
    assert_int_equal(job->state, JOB_QUEUED);
    assert_int_equal(jobs_unstored(core->jobs), 1);
    assert_string_equal(registry_find(core->registry, "n")->job, "");
    core_pass(core, 120 * 1000); /* however often */
    assert_said(core, "");
    assert_int_equal(job_shown(job), JOB_QUEUED);
    core->store = STORE_WORKS;
    core_pass(core, JOBS_RETRY_MAX_MS);
    assert_said(core, "train 1.2 n;");
    assert_int_equal(jobs_unstored(core->jobs), 0);
}

static void a_start_whose_node_goes_before_it_was_sent_waits_again(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    core->store = STORE_HOLDS;
    core_add(core, "m", NULL);
    core_release(core, true);
    core->said[0] = '\0';
    core_leave(core, n);
    struct job *job = jobs_find(core->jobs, "1");
    assert_int_equal(job->state, JOB_QUEUED);
    core->store = STORE_WORKS;
    core_release(core, true); /* the start, which is none any more */
    assert_int_equal(job_shown(job), JOB_QUEUED);
    assert_string_equal(job->reason, "waits for a node that offers 'resnet'");
    core_join(core, "o", "j");
    assert_said(core, "train 1.2 o;");
}

static void a_start_whose_node_goes_without_a_word_waits_again(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_add(core, "m", NULL);
    core_leave(core, n);
    assert_int_equal(job_shown(job), JOB_QUEUED);
    assert_int_equal(job->started, 0);
    assert_string_equal(job->node, "");
    core->said[0] = '\0';
    n = core_greet(core, "n", "i");
    /* It had heard it all the same: that generation is over. */
    core_inform_of(core, n, job, "running", "");
    char expected[128];
    snprintf(expected, sizeof expected, "stale %s;train 1.2 n;", job->train_key);
    assert_said(core, expected);
}

static void the_third_lost_start_in_a_row_fails_the_job_and_names_the_node(void **state)
{
    struct core *core = *state;
    struct job *job = NULL;
    for (int i = 0; i < 3; i++) {
        struct node *n = core_join(core, "n", "i");
        job = job ? job : core_add(core, "m", NULL);
        assert_int_equal(job_shown(job), JOB_STARTING);
        core_leave(core, n);
    }
    assert_int_equal(job_shown(job), JOB_FAILED);
    assert_string_equal(job->error, "node 'n' did not take it: 3 starts in a row were lost");
    assert_said(core, "added 1 202;train 1.1 n;train 1.2 n;train 1.3 n;answer 1 409;ended 1 failed;");
}

static void lost_starts_that_are_not_in_a_row_do_not_count(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_add(core, "m", NULL);
    core_leave(core, n);
    core_leave(core, core_join(core, "n", "i"));
    assert_int_equal(job->live->lost_starts, 2);
    n = core_join(core, "n", "i");
    core_progress(core, n, job, "");
    assert_int_equal(job->live->lost_starts, 0);
}

static void a_start_that_a_later_connection_does_not_list_waits_again(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_add(core, "m", NULL);
    core_inform(core, n, "[]"); /* of the same connection: SERVER TRAIN may be on its way */
    assert_int_equal(job_shown(job), JOB_STARTING);
    core_restart(core); /* the broker's, which does not know whether it was sent */
    job = jobs_find(core->jobs, "1");
    assert_int_equal(job_shown(job), JOB_STARTING);
    assert_string_equal(job->reason, "node 'n' is away");
    core->said[0] = '\0';
    core_join(core, "n", "i");
    assert_said(core, "train 1.2 n;");
}

static void after_a_restart_of_the_broker_a_start_is_taken_up_or_waits_again_after_the_grace(void **state)
{
    for (int listed = 0; listed < 2; listed++) {
        struct core *core = *state;
        core_join(core, "n", "i");
        core_add(core, "m", NULL);
        core_restart(core);
        struct job *job = jobs_in_place(core->jobs, jobs_places(core->jobs) - 1);
        if (listed) {
            core_inform_of(core, core_greet(core, "n", "i"), job, "running", "");
            assert_int_equal(job_shown(job), JOB_RUNNING);
            continue;
        }
        core_pass(core, JOBS_GRACE_MS - 1);
        assert_int_equal(job_shown(job), JOB_STARTING);
        core_pass(core, 1);
        assert_int_equal(job_shown(job), JOB_QUEUED);
        core_cancel(core, job);
    }
}

static void a_start_without_a_word_fails_after_its_time_and_its_node_is_told_to_cancel(void **state)
{
    struct core *core = *state;
    core_join(core, "n", "i");
    struct job *job = core_add(core, "m", NULL);
    core->said[0] = '\0';
    core_pass(core, JOBS_BEGIN_MS - 1);
    assert_int_equal(job_shown(job), JOB_STARTING);
    core_pass(core, 1);
    assert_int_equal(job_shown(job), JOB_FAILED);
    assert_string_equal(job->error, "node 'n' did not begin it within 30 s");
    assert_false(job->given_up);
    assert_said(core, "cancel 1.1 n;answer 1 409;ended 1 failed;");
}

static void a_node_without_heartbeats_owes_no_early_word(void **state)
{
    struct core *core = *state;
    struct node *n = core_greet_with(core, "n", "i", "\"train\", \"cancel\"");
    core_inform(core, n, "[]");
    struct job *job = core_add(core, "m", NULL);
    core_pass(core, JOBS_BEGIN_MS);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    core_pass(core, 10 * JOBS_DEAD_MS);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    assert_non_null(strstr(job->reason, "nothing was heard of it from node 'n' for "));
}

static void a_start_that_cannot_be_sent_waits_until_its_node_is_there_anew_and_is_none_that_was_lost(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    core->links_break = true;
    struct job *job = core_add(core, "m", NULL);
    for (int starts = 1; starts <= 2 * JOBS_LOST_STARTS; starts++) {
        assert_int_equal(job_shown(job), JOB_QUEUED);
        assert_int_equal(job->generation, starts);
        core_pass(core, 1000); /* the connection takes its time to end */
        assert_int_equal(job->generation, starts);
        core_leave(core, n);
        core->links_break = starts < 2 * JOBS_LOST_STARTS;
        n = core_join(core, "n", "i");
    }
    assert_int_equal(job_shown(job), JOB_STARTING);
    assert_int_equal(job->live->lost_starts, 0);
}

static void a_job_that_was_never_stored_is_refused(void **state)
{
    struct core *core = *state;
    core_join(core, "n", "i");
    core->store = STORE_FAILS;
    assert_null(core_add(core, "m", NULL));
    assert_said(core, "added 1 500;");
    assert_int_equal(jobs_waiting(core->jobs), 0);
    assert_false(jobs_train_model(core->jobs, "m"));
    assert_null(jobs_oldest(core->jobs));
    assert_int_equal(jobs_due(core->jobs), INT64_MAX); /* and not tried again */
    core->store = STORE_WORKS;
    core_add(core, "m", NULL);
    assert_said(core, "added 2 202;train 2.1 n;");
}

static void what_is_not_committed_is_found_by_nobody_but_holds_its_name(void **state)
{
    struct core *core = *state;
    core->store = STORE_HOLDS;
    assert_null(core_add(core, "m", NULL));
    assert_null(jobs_oldest(core->jobs));
    assert_true(jobs_train_model(core->jobs, "m"));
    assert_int_equal(jobs_waiting(core->jobs), 1);
}

static void when_the_broker_stops_a_start_that_was_not_sent_waits_for_the_next_run(void **state)
{
    struct core *core = *state;
    core_join(core, "n", "i");
    core->store = STORE_HOLDS;
    core_add(core, "m", NULL);
    core_release(core, true);
    jobs_stop(core->jobs, core->now);
    core->store = STORE_WORKS;
    core_release(core, true);
    assert_int_equal(core->rows[1]->state, JOB_QUEUED);
    assert_said(core, "added 1 202;");
    core_restart(core);
    core_join(core, "n", "i");
    assert_said(core, "train 1.2 n;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(a_start_is_committed_before_it_is_sent_and_runs_from_the_first_word_on),
        CORE_TEST(a_legacy_node_trains_from_when_it_was_told),
        CORE_TEST(a_legacy_node_trains_nothing_that_still_waits_behind_what_it_was_asked_before),
        CORE_TEST(a_start_that_cannot_be_stored_is_queued_and_tried_again),
        CORE_TEST(a_start_whose_node_goes_before_it_was_sent_waits_again),
        CORE_TEST(a_start_whose_node_goes_without_a_word_waits_again),
        CORE_TEST(the_third_lost_start_in_a_row_fails_the_job_and_names_the_node),
        CORE_TEST(lost_starts_that_are_not_in_a_row_do_not_count),
        CORE_TEST(a_start_that_a_later_connection_does_not_list_waits_again),
        CORE_TEST(after_a_restart_of_the_broker_a_start_is_taken_up_or_waits_again_after_the_grace),
        CORE_TEST(a_start_without_a_word_fails_after_its_time_and_its_node_is_told_to_cancel),
        CORE_TEST(a_node_without_heartbeats_owes_no_early_word),
        CORE_TEST(a_start_that_cannot_be_sent_waits_until_its_node_is_there_anew_and_is_none_that_was_lost),
        CORE_TEST(a_job_that_was_never_stored_is_refused),
        CORE_TEST(what_is_not_committed_is_found_by_nobody_but_holds_its_name),
        CORE_TEST(when_the_broker_stops_a_start_that_was_not_sent_waits_for_the_next_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
