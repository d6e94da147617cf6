/* The core of jobs: a training is cancelled, in each of its states. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core.h"

#define CANCELLED ", \"cancelled\": true"

static void a_queued_job_is_cancelled_when_that_is_committed(void **state)
{
    struct core *core = *state;
    struct job *job = core_add(core, "m", NULL);
    core->said[0] = '\0';
    core->store = STORE_HOLDS;
    assert_int_equal(core_cancel(core, job), 0);
    assert_int_equal(job_shown(job), JOB_ENDING);
    assert_said(core, "");
    core_release(core, true);
    assert_said(core, "answer 1 200;ended 1 cancelled;");
    assert_int_equal(core_cancel(core, job), 409);
    core->store = STORE_WORKS;
    core_restart(core);
    core_join(core, "n", "i");
    assert_said(core, "");
}

static void a_start_that_was_not_sent_never_is(void **state)
{
    struct core *core = *state;
    core_join(core, "n", "i");
    core->store = STORE_HOLDS;
    core_add(core, "m", NULL);
    core_release(core, true);
    core->said[0] = '\0';
    struct job *job = jobs_find(core->jobs, "1");
    assert_int_equal(job->state, JOB_STARTING);
    assert_int_equal(core_cancel(core, job), 0);
    core->store = STORE_WORKS;
    core_release(core, true);
    assert_said(core, "answer 1 200;ended 1 cancelled;");
    assert_string_equal(registry_find(core->registry, "n")->job, "");
}

static void what_runs_is_cancelled_by_its_node_which_is_told_when_that_is_committed(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core->store = STORE_HOLDS;
    assert_int_equal(core_cancel(core, job), 0);
    assert_said(core, "");
    core_release(core, true);
    assert_true(core->rows[1]->live->cancelling);
    assert_said(core, "cancel 1.1 n;answer 1 202;");
    assert_int_equal(job_shown(job), JOB_RUNNING);
    assert_int_equal(core_cancel(core, job), 0); /* again */
    assert_said(core, "answer 1 202;");
    core->store = STORE_WORKS;
    assert_int_equal(core_failed(core, n, job, CANCELLED), JOB_OUTCOME_TAKEN);
    assert_said(core, "ack 1.1 n;answer 1 200;ended 1 cancelled;");
    assert_null(job->error);
}

static void what_was_sent_and_not_begun_is_cancelled_by_its_node_too(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_add(core, "m", NULL);
    core->said[0] = '\0';
    assert_int_equal(core_cancel(core, job), 0);
    assert_said(core, "cancel 1.1 n;answer 1 202;");
    core_leave(core, n);
    assert_said(core, "answer 1 200;ended 1 cancelled;");
}

static void what_ended_before_its_node_heard_of_it_is_as_it_ended(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core->store = STORE_HOLDS;
    core_cancel(core, job);
    core_completed(core, n, job, 1, "");
    core_release(core, true); /* that it is to be cancelled */
    core_release(core, true); /* its end */
    assert_int_equal(job_shown(job), JOB_COMPLETED);
    assert_said(core, "ack 1.1 n;answer 1 409;ended 1 completed;");
}

static void a_node_that_does_not_cancel_is_named_and_the_models_name_is_free(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core_cancel(core, job);
    core->said[0] = '\0';
    for (int i = 0; i < 3; i++) {
        core_pass(core, JOBS_CANCEL_MS / 3 - 1);
        core_progress(core, n, job, ""); /* it goes on telling, which changes nothing */
    }
    assert_true(jobs_train_model(core->jobs, "m"));
    core_pass(core, 3);
    assert_int_equal(job_shown(job), JOB_CANCELLED);
    assert_string_equal(job->reason, "node 'n' did not cancel it within 30 s");
    assert_string_equal(core->rows[1]->reason, job->reason);
    assert_false(jobs_train_model(core->jobs, "m"));
    assert_string_equal(n->job, "");
    assert_said(core, "cancel 1.1 n;answer 1 200;ended 1 cancelled;");
    /* It stays so, whatever comes. */
    assert_false(core_progress(core, n, job, ""));
    assert_int_equal(core_completed(core, n, job, 1, ""), JOB_OUTCOME_DROP);
    core_inform_of(core, n, job, "running", "");
    assert_int_equal(job_shown(job), JOB_CANCELLED);
    char expected[64];
    snprintf(expected, sizeof expected, "stale %s;", job->train_key);
    assert_said(core, expected);
}

static void what_runs_at_a_node_that_is_away_is_cancelled_at_once_and_for_good(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core_leave(core, n);
    assert_int_equal(core_cancel(core, job), 0);
    assert_said(core, "answer 1 200;ended 1 cancelled;");
    n = core_greet(core, "n", "i");
    core_inform_of(core, n, job, "running", "");
    char expected[64];
    snprintf(expected, sizeof expected, "stale %s;", job->train_key);
    assert_said(core, expected);
    assert_int_equal(core_completed(core, n, job, 1, ""), JOB_OUTCOME_DROP);
    assert_int_equal(job_shown(job), JOB_CANCELLED);
}

static void its_outcome_is_acknowledged_when_the_cancellation_is_committed_and_not_before(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core_leave(core, n);
    core->store = STORE_HOLDS;
    core_cancel(core, job);
    n = core_greet(core, "n", "i");
    assert_int_equal(core_completed(core, n, job, 1, ""), JOB_OUTCOME_WAITS);
    assert_said(core, "");
    core->store = STORE_WORKS;
    core_release(core, true);
    assert_said(core, "cancel 1.1 n;ack 1.1 n;answer 1 200;ended 1 cancelled;");
    assert_int_equal(core->rows[1]->state, JOB_CANCELLED);
}

static void what_was_to_be_cancelled_is_when_its_node_goes_or_the_broker_restarts(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    core_cancel(core, core_run(core, n, "m"));
    core->said[0] = '\0';
    core_leave(core, n);
    assert_said(core, "answer 1 200;ended 1 cancelled;");
    n = core_join(core, "n", "i");
    core_cancel(core, core_run(core, n, "m"));
    assert_true(core->rows[2]->live->cancelling);
    core_restart(core);
    assert_int_equal(core->rows[2]->state, JOB_CANCELLED);
    assert_int_equal(job_shown(jobs_find(core->jobs, "2")), JOB_CANCELLED);
}

static void its_outcome_waits_for_that_to_be_committed_after_a_restart_too(void **state)
{
    struct core *core = *state;
    struct job *job = core_run(core, core_join(core, "n", "i"), "m");
    core_cancel(core, job);
    core->said[0] = '\0';
    core->store = STORE_HOLDS;
    core_restart(core);
    job = jobs_find(core->jobs, "1");
    assert_int_equal(job_shown(job), JOB_ENDING);
    assert_int_equal(core_failed(core, core_greet(core, "n", "i"), job, CANCELLED), JOB_OUTCOME_WAITS);
    assert_said(core, "");
    core_release(core, true);
    assert_said(core, "cancel 1.1 n;ack 1.1 n;answer 1 200;ended 1 cancelled;");
}

static void a_legacy_node_may_train_on_and_the_reason_says_so(void **state)
{
    struct core *core = *state;
    struct node *old = core_join_legacy(core, "old");
    struct job *job = core_add(core, "m", NULL);
    core->said[0] = '\0';
    assert_int_equal(core_cancel(core, job), 0);
    assert_said(core, "answer 1 200;ended 1 cancelled;");
    assert_string_equal(job->reason, "node 'old' cannot cancel a training: it may train on");
    char text[256];
    snprintf(text, sizeof text,
             "{\"type\": \"TRAINING_COMPLETED\", \"train_key\": \"%s\", \"model_name\": \"m\", \"data\": {}}",
             job->train_key);
    assert_int_equal(core_outcome(core, old, text), JOB_OUTCOME_DROP);
    assert_int_equal(job_shown(job), JOB_CANCELLED);
}

static void what_is_ending_otherwise_is_refused(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core->store = STORE_HOLDS;
    core_completed(core, n, job, 1, "");
    assert_int_equal(core_cancel(core, job), 409);
    core_release(core, true);
    assert_int_equal(core_cancel(core, job), 409);
}

static void that_it_cannot_be_stored_is_answered_and_tried_again(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *queued = core_add(core, "m", "nobody"), *runs = core_run(core, n, "m2");
    core->said[0] = '\0';
    core->store = STORE_FAILS;
    core_cancel(core, queued);
    core_cancel(core, runs);
    assert_said(core, "answer 1 500;answer 2 500;");
    core->store = STORE_WORKS;
    core_pass(core, JOBS_RETRY_MIN_MS);
    assert_said(core, "answer 1 200;ended 1 cancelled;cancel 2.1 n;answer 2 202;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(a_queued_job_is_cancelled_when_that_is_committed),
        CORE_TEST(a_start_that_was_not_sent_never_is),
        CORE_TEST(what_runs_is_cancelled_by_its_node_which_is_told_when_that_is_committed),
        CORE_TEST(what_was_sent_and_not_begun_is_cancelled_by_its_node_too),
        CORE_TEST(what_ended_before_its_node_heard_of_it_is_as_it_ended),
        CORE_TEST(a_node_that_does_not_cancel_is_named_and_the_models_name_is_free),
        CORE_TEST(what_runs_at_a_node_that_is_away_is_cancelled_at_once_and_for_good),
        CORE_TEST(its_outcome_is_acknowledged_when_the_cancellation_is_committed_and_not_before),
        CORE_TEST(what_was_to_be_cancelled_is_when_its_node_goes_or_the_broker_restarts),
        CORE_TEST(its_outcome_waits_for_that_to_be_committed_after_a_restart_too),
        CORE_TEST(a_legacy_node_may_train_on_and_the_reason_says_so),
        CORE_TEST(what_is_ending_otherwise_is_refused),
        CORE_TEST(that_it_cannot_be_stored_is_answered_and_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
