/* The core of jobs, from a training that runs to its end: what nodes tell, whose word counts, and their silence. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core.h"
#include "tests/shim/memory.h"

/* Outcomes */

static void an_outcome_is_shown_told_and_acknowledged_when_it_is_committed(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core->store = STORE_HOLDS;
    assert_int_equal(core_completed(core, n, job, 1, ""), JOB_OUTCOME_TAKEN);
    assert_int_equal(job_shown(job), JOB_ENDING);
    assert_true(jobs_train_model(core->jobs, "m"));
    assert_string_equal(n->job, ""); /* it is free all the same */
    assert_int_equal(core_completed(core, n, job, 1, ""), JOB_OUTCOME_WAITS);
    assert_said(core, "");
    core_release(core, true);
    assert_said(core, "ack 1.1 n;answer 1 409;ended 1 completed;");
    assert_int_equal(job_shown(job), JOB_COMPLETED);
    assert_null(job->live);
    assert_false(jobs_train_model(core->jobs, "m"));
    assert_string_equal(core->rows[1]->live->end.log, "log");
    assert_non_null(strstr(core->rows[1]->live->end.report, "epoch"));
    assert_non_null(core->rows[1]->live->end.data);
    assert_int_equal(cJSON_GetArraySize(core->rows[1]->results), 1);
    assert_int_equal(core_completed(core, n, job, 1, ""), JOB_OUTCOME_DROP);
}

static enum job_outcome told_without_memory(struct core *core, const struct node *node, const struct job *job,
                                            const char *format, long at)
{
    char text[512];
    struct msg msg;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, format, job->train_key);
#pragma GCC diagnostic pop
    core_decode(&msg, text);
    memory_fail_at(at);
    enum job_outcome outcome = job_reports_outcome(core->jobs, node, &msg, core->now);
    memory.left = 0;
    msg_release(&msg);
    return outcome;
}

static void an_outcome_for_which_memory_lacks_changes_nothing_and_is_taken_when_it_comes_again(void **state)
{
    static const char *const told[] = {
        "{\"type\": \"TRAINING_COMPLETED\", \"train_key\": \"%s\", \"model_name\": \"m\", \"generation\": 1,"
        " \"data\": {\"output_contents\": \"log\"}, \"report\": {\"results\": [{\"epoch\": 1}, {}, {\"epoch\": 3}]}}",
        "{\"type\": \"TRAINING FAILED\", \"train_key\": \"%s\", \"generation\": 1, \"message\": \"no space\"}"
    };
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        struct job *job = core_run(core, n, "m");
        job->generation = 1;
        int failed = 0;
        core_progress(core, n, job, ", \"result\": {\"epoch\": 2}");
        uint64_t version = job->version;
        while (told_without_memory(core, n, job, told[i], failed + 1) == JOB_OUTCOME_WAITS) {
            failed++;
            assert_true(memory.failed);
            assert_int_equal(job->state, JOB_RUNNING);
            assert_int_equal(job->version, version);
            assert_int_equal(job->epochs_done, 2);
            assert_false(job->live->acknowledge);
        }
        assert_true(failed);
        core_drain(core);
        const struct job *row = core->rows[i + 1];
        assert_true(job_is_over(job));
        assert_string_equal(i ? row->error : row->live->end.log, i ? "no space" : "log");
        assert_int_equal(cJSON_GetArraySize(row->results), i ? 0 : 3);
        core->said[0] = '\0';
    }
}

static void the_end_is_not_told_while_it_is_not_committed(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core->store = STORE_FAILS;
    core_failed(core, n, job, "");
    cJSON *json = job_json(job);
    assert_string_equal(cJSON_GetObjectItem(json, "state")->valuestring, "ending");
    assert_null(cJSON_GetObjectItem(json, "error"));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(json, "ended")));
    assert_non_null(strstr(cJSON_GetObjectItem(json, "reason")->valuestring, "cannot be stored"));
    cJSON_Delete(json);
    core->store = STORE_WORKS;
    core_pass(core, JOBS_RETRY_MIN_MS);
    json = job_json(job);
    assert_string_equal(cJSON_GetObjectItem(json, "state")->valuestring, "failed");
    assert_string_equal(cJSON_GetObjectItem(json, "error")->valuestring, "no memory");
    assert_true(cJSON_IsNumber(cJSON_GetObjectItem(json, "ended")));
    cJSON_Delete(json);
}

static void outcomes_count_from_the_assigned_node_process_and_generation_alone(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i"), *other = core_join(core, "other", "i");
    struct job *job = core_run(core, n, "m");
    assert_int_equal(core_completed(core, other, job, 1, ""), JOB_OUTCOME_DROP);
    assert_int_equal(core_failed(core, other, job, ""), JOB_OUTCOME_DROP);
    assert_int_equal(core_completed(core, n, job, 2, ""), JOB_OUTCOME_DROP);
    assert_int_equal(core_completed(core, n, job, 1, ", \"instance\": \"j\""), JOB_OUTCOME_DROP);
    assert_false(core_progress(core, other, job, ""));
    assert_false(core_progress(core, n, job, ", \"instance\": \"j\""));
    assert_int_equal(job->state, JOB_RUNNING);
    assert_string_equal(job->node, "n");
    assert_string_equal(n->job, "1");
    assert_int_equal(core_completed(core, n, job, 1, ", \"instance\": \"i\""), JOB_OUTCOME_TAKEN);
    assert_said(core, "ack 1.1 n;answer 1 409;ended 1 completed;");
    assert_int_equal(
        core_outcome(core, n, "{\"type\": \"TRAINING FAILED\", \"train_key\": \"train:1\", \"message\": \"\"}"),
        JOB_OUTCOME_UNKNOWN);
}

static void an_outcome_of_an_earlier_generation_changes_nothing(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_add(core, "m", NULL);
    core_leave(core, n);
    n = core_greet(core, "n", "i");
    assert_int_equal(core_completed(core, n, job, 1, ""), JOB_OUTCOME_DROP); /* of a start that was lost */
    assert_int_equal(job->state, JOB_QUEUED);
    core_inform(core, n, "[]");
    assert_int_equal(core_completed(core, n, job, 1, ""), JOB_OUTCOME_DROP);
    assert_int_equal(job->state, JOB_STARTING);
    assert_int_equal(core_completed(core, n, job, 2, ""), JOB_OUTCOME_TAKEN);
}

static void an_outcome_that_a_node_kept_over_its_restart_counts_by_its_own_instance(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core_leave(core, n);
    n = core_greet(core, "n", "new");
    core_inform_of(core, n, job, "completed", ", \"instance\": \"i\"");
    assert_int_equal(job_shown(job), JOB_RUNNING);
    assert_int_equal(core_completed(core, n, job, 1, ""), JOB_OUTCOME_DROP); /* of the new process */
    assert_int_equal(core_completed(core, n, job, 1, ", \"instance\": \"i\""), JOB_OUTCOME_TAKEN);
}

static void of_a_node_that_tells_no_instance_with_its_outcomes_any_counts(void **state)
{
    struct core *core = *state;
    struct node *n = core_greet_with(core, "n", "i", "\"train\"");
    core_inform(core, n, "[]");
    struct job *job = core_run(core, n, "m");
    core_leave(core, n);
    n = core_greet_with(core, "n", "new", "\"train\"");
    core_inform_of(core, n, job, "completed", "");
    assert_false(core_progress(core, n, job, "")); /* which cannot be an earlier process's */
    assert_int_equal(core_completed(core, n, job, 1, ""), JOB_OUTCOME_TAKEN);
}

static void an_error_of_a_legacy_node_fails_what_it_trains(void **state)
{
    struct core *core = *state;
    struct node *old = core_join_legacy(core, "old"), *n = core_join(core, "n", "i");
    assert_false(core_error(core, old, "no such model", ""));
    struct job *job = core_add(core, "m", "old"), *other = core_run(core, n, "m2");
    assert_false(core_error(core, n, "bad", ""));
    assert_true(core_error(core, old, "no such type", ""));
    assert_int_equal(job_shown(job), JOB_FAILED);
    assert_string_equal(job->error, "no such type");
    assert_int_equal(job_shown(other), JOB_RUNNING);
    assert_string_equal(old->job, "");
}

static void what_a_legacy_node_could_not_answer_says_nothing_of_what_it_trains(void **state)
{
    struct core *core = *state;
    struct node *old = core_join_legacy(core, "old");
    struct job *job = core_add(core, "m", "old");
    assert_false(core_error(core, old, "Inference report not found", ", \"inference_key\": \"inference:1\""));
    assert_false(core_error(core, old, "File 'models/m1/m1.json' not found", ", \"json_name\": \"m1\""));
    assert_int_equal(job_shown(job), JOB_RUNNING);
    assert_int_equal(core_completed(core, old, job, 1, ""), JOB_OUTCOME_TAKEN);
    assert_int_equal(job_shown(job), JOB_COMPLETED);
}

static void a_legacy_node_that_was_away_has_its_time_for_the_outcome(void **state)
{
    struct core *core = *state;
    struct node *old = core_join_legacy(core, "old");
    struct job *job = core_add(core, "m", "old");
    core_inform(core, old, "[]"); /* as often as it likes */
    assert_null(job->reason);
    core_leave(core, old);
    old = core_join_legacy(core, "old");
    assert_int_equal(job_shown(job), JOB_RUNNING);
    assert_string_equal(job->reason, "node 'old' was away, and does not tell whether it trains on");
    core_pass(core, JOBS_UNTOLD_MS / 2);
    core_leave(core, old);
    old = core_join_legacy(core, "old"); /* which gives it no further time */
    core_pass(core, JOBS_UNTOLD_MS / 2 - 1);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    core_pass(core, 1);
    assert_int_equal(job_shown(job), JOB_FAILED);
    assert_string_equal(job->error, "node 'old' was away, and told no outcome for 6 h");
    assert_string_equal(old->job, "");
    assert_int_equal(core_completed(core, old, job, 1, ""), JOB_OUTCOME_TAKEN);
    assert_int_equal(job_shown(job), JOB_COMPLETED);
}

/* Progress */

static void a_generation_that_no_number_holds_is_of_nothing(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    const struct job *job = core_run(core, n, "m");
    char jobs[256];
    snprintf(jobs, sizeof jobs, "[{\"train_key\": \"%s\", \"generation\": 1e300, \"state\": \"running\"}]",
             job->train_key);
    core_inform(core, n, jobs);
    assert_said(core, ""); /* nothing that would end the training of that key */
    core_leave(core, n);
    n = core_greet(core, "n", "i");
    core_inform(core, n, jobs);
    assert_int_equal(job_shown(job), JOB_FAILED);
}

static void of_an_epoch_that_is_told_without_a_batch_none_is_known(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    const struct job *job = core_run(core, n, "m");
    static const struct {
        const char *told;
        int batch;
    } steps[] = { { "\"epoch\": 2, \"batch\": 90, \"batches\": 100", 90 },
                  { "\"epoch\": 2, \"message\": \"reads images\"", 90 },
                  { "\"epoch\": 4", 0 },
                  { "\"epoch\": 4, \"batch\": 3, \"batches\": 100", 3 } };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char text[256];
        struct msg msg;
        snprintf(text, sizeof text, "{\"type\": \"TRAINING PROGRESS\", \"train_key\": \"%s\", \"epochs\": 5, %s}",
                 job->train_key, steps[i].told);
        core_decode(&msg, text);
        assert_true(job_reports_progress(core->jobs, n, &msg, core->now));
        msg_release(&msg);
        core_drain(core);
        assert_int_equal(job->live->batch, steps[i].batch);
    }
}

static void epochs_and_notices_are_stored_batches_are_not(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    uint64_t version = job->version;
    core_progress(core, n, job, ", \"batch\": 7, \"batches\": 9, \"message\": \"reads images\"");
    assert_int_equal(job->version, version);
    assert_int_equal(job->live->batch, 7);
    assert_string_equal(job->reason, "reads images");
    core_progress(core, n, job, ", \"notice\": \"2 files are left out\"");
    core_progress(core, n, job, ", \"notice\": \"2 files are left out\"");
    assert_int_equal(job->version, version + 1);
    assert_null(job->reason);
    core_progress(core, n, job, ", \"result\": {\"epoch\": 1}");
    assert_int_equal(job->version, version + 2);
    assert_int_equal(cJSON_GetArraySize(core->rows[1]->results), 1);
    assert_string_equal(core->rows[1]->notices->lines[0], "2 files are left out");
}

/* Silence */

static void silence_is_the_reason_until_something_is_heard(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core_pass(core, JOBS_SILENT_MS - 1);
    assert_null(job->reason);
    core_pass(core, 1);
    assert_string_equal(job->reason, "nothing was heard of it from node 'n' for 30 s");
    core_pass(core, JOBS_SILENT_MS + 100);
    assert_string_equal(job->reason, "nothing was heard of it from node 'n' for 60 s");
    core_progress(core, n, job, "");
    assert_null(job->reason);
    core_pass(core, JOBS_DEAD_MS - 1);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    core_pass(core, 1);
    assert_int_equal(job_shown(job), JOB_FAILED);
    assert_string_equal(job->error, "node 'n' told nothing of it for 120 s");
    assert_false(job->given_up);
    assert_said(core, "cancel 1.1 n;answer 1 409;ended 1 failed;");
}

/* The broker was stopped, or its machine slept: what nodes said meanwhile is still unread. */
static void sleep_through(struct core *core, int64_t ms)
{
    core->now.ms += ms;
    core->now.wall_ms += ms;
    core_drain(core);
}

static void a_broker_that_did_not_run_itself_blames_no_node(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    sleep_through(core, 2 * JOBS_DEAD_MS);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    core_progress(core, n, job, "");
    core_leave(core, n);
    sleep_through(core, 2 * JOBS_GRACE_MS);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    n = core_greet(core, "n", "i");
    core_inform_of(core, n, job, "running", "");
    assert_null(job->reason);
    core_cancel(core, job);
    sleep_through(core, 2 * JOBS_CANCEL_MS);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    core_pass(core, JOBS_CANCEL_MS);
    assert_int_equal(job_shown(job), JOB_CANCELLED);
}

static void a_node_that_says_nothing_after_that_either_has_failed(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    sleep_through(core, 2 * JOBS_DEAD_MS);
    core_pass(core, JOBS_SILENT_MS);
    assert_int_equal(job_shown(job), JOB_FAILED);
    job = core_add(core, "m2", NULL);
    assert_int_equal(job_shown(job), JOB_STARTING);
    sleep_through(core, 2 * JOBS_BEGIN_MS);
    assert_int_equal(job_shown(job), JOB_STARTING);
    core_pass(core, JOBS_BEGIN_MS);
    assert_int_equal(job_shown(job), JOB_FAILED);
}

static void a_node_that_goes_on_telling_is_waited_for_for_ever(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    for (int i = 0; i < 100; i++) {
        core_pass(core, 10000);
        core_progress(core, n, job, "");
    }
    assert_int_equal(job_shown(job), JOB_RUNNING);
    assert_null(job->reason);
}

/* Coming back */

static void a_node_that_comes_back_with_its_job_goes_on(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core_leave(core, n);
    assert_string_equal(job->reason, "node 'n' is away");
    core_pass(core, JOBS_GRACE_MS - 1);
    n = core_greet(core, "n", "i");
    assert_string_equal(n->job, "1"); /* nothing else starts there */
    core_inform_of(core, n, job, "running", "");
    core_pass(core, 1000);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    assert_null(job->reason);
    assert_said(core, "");
}

static void a_job_whose_node_stays_away_is_lost_and_given_up(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core_leave(core, n);
    core_pass(core, JOBS_GRACE_MS - 1);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    core_pass(core, 1);
    assert_int_equal(job_shown(job), JOB_FAILED);
    assert_string_equal(job->error, "node 'n' was lost");
    assert_true(core->rows[1]->given_up);
    assert_said(core, "answer 1 409;ended 1 failed;");
}

static void a_node_that_comes_back_without_its_job_fails_it(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core_inform(core, n, "[]"); /* of the connection over which it was sent */
    assert_int_equal(job_shown(job), JOB_RUNNING);
    core_leave(core, n);
    n = core_greet(core, "n", "other");
    core_inform_of(core, n, job, "running", ""); /* another process cannot have it */
    assert_int_equal(job_shown(job), JOB_FAILED);
    assert_string_equal(job->error, "node 'n' no longer has it");
}

static void a_generation_that_cannot_be_is_not_the_jobs(void **state)
{
    struct core *core = *state;
    char jobs[128];
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core_leave(core, n);
    n = core_greet(core, "n", "i");
    snprintf(jobs, sizeof jobs, "[{\"train_key\": \"%s\", \"generation\": 1e300, \"state\": \"running\"}]",
             job->train_key);
    core_inform(core, n, jobs);
    assert_string_equal(job->error, "node 'n' no longer has it");
}

static void what_was_given_up_goes_on_when_its_node_brings_it_back_also_after_a_restart(void **state)
{
    for (int restarted = 0; restarted < 2; restarted++) {
        struct core *core = *state;
        struct node *n = core_join(core, "n", "i");
        struct job *job = core_run(core, n, "m");
        char id[JOB_ID_SIZE];
        memcpy(id, job->id, sizeof id);
        core_leave(core, n);
        core_pass(core, JOBS_GRACE_MS);
        if (restarted)
            core_restart(core);
        job = jobs_find(core->jobs, id);
        assert_int_equal(job_shown(job), JOB_FAILED);
        n = core_greet(core, "n", "i");
        core_inform_of(core, n, job, "running", "");
        assert_int_equal(job_shown(job), JOB_RUNNING);
        assert_null(job->error);
        assert_int_equal(job->ended, 0);
        assert_string_equal(n->job, id);
        assert_int_equal(core_completed(core, n, job, 1, ""), JOB_OUTCOME_TAKEN);
        assert_int_equal(job_shown(job), JOB_COMPLETED);
        core_leave(core, n);
    }
}

static void the_outcome_of_what_was_given_up_counts(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core_leave(core, n);
    core_pass(core, JOBS_GRACE_MS);
    core->said[0] = '\0';
    n = core_greet(core, "n", "i");
    core_inform_of(core, n, job, "completed", ", \"instance\": \"i\"");
    assert_int_equal(core_completed(core, n, job, 1, ""), JOB_OUTCOME_TAKEN);
    assert_int_equal(job_shown(job), JOB_COMPLETED);
    assert_null(job->error);
    assert_said(core, "ack 1.1 n;answer 1 409;ended 1 completed;");
}

static void what_was_given_up_is_not_taken_up_when_its_model_is_trained_anew(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core_leave(core, n);
    core_pass(core, JOBS_GRACE_MS);
    core_add(core, "m", "other");
    core->said[0] = '\0';
    n = core_greet(core, "n", "i");
    core_inform_of(core, n, job, "running", "");
    assert_int_equal(job_shown(job), JOB_FAILED);
    char expected[64];
    snprintf(expected, sizeof expected, "stale %s;", job->train_key);
    assert_said(core, expected);
}

static void what_was_given_up_is_taken_up_while_that_is_not_even_committed(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core_leave(core, n);
    core->store = STORE_HOLDS;
    core_pass(core, JOBS_GRACE_MS);
    assert_int_equal(job->state, JOB_ENDING);
    n = core_greet(core, "n", "i");
    core_inform_of(core, n, job, "running", "");
    assert_int_equal(job->state, JOB_RUNNING);
    core->store = STORE_WORKS;
    core_release(core, true);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    assert_said(core, "");
}

static void a_forgotten_node_ends_what_it_was_given(void **state)
{
    struct core *core = *state;
    struct node *n = core_join(core, "n", "i");
    struct job *job = core_run(core, n, "m");
    core_leave(core, n);
    job_reports_node_forgotten(core->jobs, "n", core->now);
    core_drain(core);
    assert_int_equal(job_shown(job), JOB_FAILED);
    assert_string_equal(job->error, "node 'n' was forgotten");
    assert_false(job->given_up);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(an_outcome_is_shown_told_and_acknowledged_when_it_is_committed),
        CORE_TEST(an_outcome_for_which_memory_lacks_changes_nothing_and_is_taken_when_it_comes_again),
        CORE_TEST(the_end_is_not_told_while_it_is_not_committed),
        CORE_TEST(outcomes_count_from_the_assigned_node_process_and_generation_alone),
        CORE_TEST(an_outcome_of_an_earlier_generation_changes_nothing),
        CORE_TEST(an_outcome_that_a_node_kept_over_its_restart_counts_by_its_own_instance),
        CORE_TEST(of_a_node_that_tells_no_instance_with_its_outcomes_any_counts),
        CORE_TEST(an_error_of_a_legacy_node_fails_what_it_trains),
        CORE_TEST(what_a_legacy_node_could_not_answer_says_nothing_of_what_it_trains),
        CORE_TEST(a_legacy_node_that_was_away_has_its_time_for_the_outcome),
        CORE_TEST(a_generation_that_no_number_holds_is_of_nothing),
        CORE_TEST(of_an_epoch_that_is_told_without_a_batch_none_is_known),
        CORE_TEST(epochs_and_notices_are_stored_batches_are_not),
        CORE_TEST(silence_is_the_reason_until_something_is_heard),
        CORE_TEST(a_broker_that_did_not_run_itself_blames_no_node),
        CORE_TEST(a_node_that_says_nothing_after_that_either_has_failed),
        CORE_TEST(a_node_that_goes_on_telling_is_waited_for_for_ever),
        CORE_TEST(a_node_that_comes_back_with_its_job_goes_on),
        CORE_TEST(a_job_whose_node_stays_away_is_lost_and_given_up),
        CORE_TEST(a_node_that_comes_back_without_its_job_fails_it),
        CORE_TEST(a_generation_that_cannot_be_is_not_the_jobs),
        CORE_TEST(what_was_given_up_goes_on_when_its_node_brings_it_back_also_after_a_restart),
        CORE_TEST(the_outcome_of_what_was_given_up_counts),
        CORE_TEST(what_was_given_up_is_not_taken_up_when_its_model_is_trained_anew),
        CORE_TEST(what_was_given_up_is_taken_up_while_that_is_not_even_committed),
        CORE_TEST(a_forgotten_node_ends_what_it_was_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
