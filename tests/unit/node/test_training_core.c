/* The node's trainings without a node: what is done after each event, as text. */
#include <stdio.h>

#include "core_rig.h"

static void a_training_is_told_of_fetched_for_and_trained(void **state)
{
    struct core_rig *rig = *state;
    assert_true(rig_request(rig, "t", 1, NULL));
    rig_expect(rig, "prepare t@1\ntell t@1: 0/3 preparing\n");
    training_core_prepared(rig->core, NULL, rig->now);
    rig_expect(rig, "start t@1\ntell t@1: 0/3 starting its worker\n");
    assert_int_equal(rig_progress(rig, "t", 1, 1, 5, NULL), TRAINING_WORD_PASS_ON);
    rig_expect(rig, "");
    assert_int_equal(rig_completed(rig, "t", 1), TRAINING_WORD_TAKEN);
    rig_expect(rig, "hang up t@1\nkeep t@1\ntell t@1: completed\n");
    training_core_ended(rig->core, "worker ended with status 0", rig->now);
    rig_expect(rig, "");
    assert_int_equal(training_core_count(rig->core), 0);
    rig_acknowledge(rig, "t", 1);
    rig_expect(rig, "drop t@1\n");
    assert_true(training_core_due(rig->core, rig->now) == INT64_MAX);
}

static void the_second_training_waits_for_the_first_and_is_told_so(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "a", 1);
    rig_request(rig, "b", 1, NULL);
    rig_expect(rig, "tell b@1: 0/3 waits for the training before it\n");
    rig_failed(rig, "a", 1, "no images", false);
    rig_expect(rig, "hang up a@1\nkeep a@1\ntell a@1: failed: no images\n");
    training_core_ended(rig->core, "worker ended with status 1", rig->now);
    rig_expect(rig, "prepare b@1\ntell b@1: 0/3 preparing\n");
}

static void each_training_is_told_of_every_ten_seconds(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "a", 1);
    rig_progress(rig, "a", 1, 2, 7, NULL);
    rig_request(rig, "b", 1, NULL);
    rig_forget(rig);
    rig_wait(rig, 9999);
    rig_alive(rig);
    rig_expect(rig, "");
    rig_wait(rig, 1);
    rig_expect(rig, "tell a@1: 2/3 -\ntell b@1: 0/3 waits for the training before it\n");
}

static void what_is_done_before_the_first_batch_is_told_until_then(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    assert_int_equal(rig_progress(rig, "t", 1, 0, -1, "reading 7 of 9 images"), TRAINING_WORD_PASS_ON);
    rig_wait(rig, 10000);
    rig_expect(rig, "tell t@1: 0/3 reading 7 of 9 images\n");
    rig_progress(rig, "t", 1, 0, -1, NULL); /* as a notice comes: nothing of what is done */
    rig_wait(rig, 4000);
    rig_alive(rig);
    rig_wait(rig, 6000);
    rig_expect(rig, "tell t@1: 0/3 reading 7 of 9 images\n");
    rig_progress(rig, "t", 1, 1, 1, NULL);
    rig_wait(rig, 10000);
    rig_expect(rig, "tell t@1: 1/3 -\n");
}

static void what_is_fetched_is_passed_on_while_it_is_prepared(void **state)
{
    struct core_rig *rig = *state;
    rig_request(rig, "t", 1, NULL);
    rig_forget(rig);
    assert_int_equal(rig_progress(rig, "t", 1, 0, -1, "fetching 'w', 3 MB so far"), TRAINING_WORD_PASS_ON);
    assert_int_equal(rig_completed(rig, "t", 1), TRAINING_WORD_UNASKED);
    rig_wait(rig, 10000);
    rig_expect(rig, "tell t@1: 0/3 fetching 'w', 3 MB so far\n");
}

static void what_cannot_be_fetched_fails_its_training_and_the_next_begins(void **state)
{
    struct core_rig *rig = *state;
    rig_request(rig, "a", 1, NULL);
    rig_request(rig, "b", 1, NULL);
    rig_forget(rig);
    training_core_prepared(rig->core, "no dataset", rig->now);
    rig_expect(rig, "prepare b@1\nkeep a@1\ntell a@1: failed: no dataset\ntell b@1: 0/3 preparing\n");
}

static void a_worker_that_dies_fails_its_training(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    training_core_ended(rig->core, "worker was killed by SIGSEGV", rig->now);
    rig_expect(rig, "keep t@1\ntell t@1: failed: worker was killed by SIGSEGV\n");
}

static void a_worker_that_does_not_go_after_its_outcome_is_killed(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig_completed(rig, "t", 1);
    rig_forget(rig);
    rig_wait(rig, 9999);
    rig_expect(rig, "");
    rig_wait(rig, 1);
    rig_expect(rig, "kill t@1\n");
    training_core_ended(rig->core, "worker was killed by SIGKILL", rig->now);
    rig_expect(rig, "");
    assert_int_equal(training_core_count(rig->core), 0);
}

static void what_a_worker_says_of_other_trainings_does_not_count(void **state)
{
    struct core_rig *rig = *state;
    struct msg odd;
    rig_start(rig, "t", 2);
    assert_int_equal(rig_completed(rig, "t", 1), TRAINING_WORD_UNASKED);
    assert_int_equal(rig_completed(rig, "u", 2), TRAINING_WORD_UNASKED);
    assert_int_equal(rig_progress(rig, "t", -1, 1, 1, NULL), TRAINING_WORD_UNASKED);
    msg_init(&odd, MSG_SERVER_PING);
    assert_int_equal(training_core_message(rig->core, &odd, rig->now), TRAINING_WORD_UNASKED);
    msg_release(&odd);
    rig_expect(rig, "");
    assert_int_equal(rig_completed(rig, "t", 2), TRAINING_WORD_TAKEN);
    assert_int_equal(rig_failed(rig, "t", 2, "late", false), TRAINING_WORD_TAKEN);
    rig_expect(rig, "hang up t@2\nkeep t@2\ntell t@2: completed\n");
}

static void an_outcome_that_is_too_long_to_send_is_a_failure(void **state)
{
    struct core_rig *rig = *state;
    struct msg msg;
    char *text = malloc(MSG_MAX + 1);
    memset(text, 'x', MSG_MAX);
    text[MSG_MAX] = '\0';
    rig_start(rig, "t", 1);
    rig_message(&msg, MSG_TRAINING_COMPLETED, "t", 1);
    msg.data = cJSON_CreateObject();
    cJSON_AddStringToObject(msg.data, "output_contents", text);
    assert_int_equal(training_core_message(rig->core, &msg, rig->now), TRAINING_WORD_TAKEN);
    msg_release(&msg);
    free(text);
    rig_expect(rig,
               "hang up t@1\nkeep t@1\ntell t@1: failed: its outcome cannot be told: TRAINING_COMPLETED is too long "
               "to send, nested too deep, or memory lacks\n");
}

/* Asked for again */

static void asked_for_twice_nothing_is_trained_twice(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "a", 1);
    rig_request(rig, "b", 1, NULL);
    rig_forget(rig);
    assert_false(rig_request(rig, "a", 1, NULL));
    assert_false(rig_request(rig, "b", 1, "an option is not offered"));
    rig_expect(rig, "tell a@1: 0/3 starting its worker\ntell b@1: 0/3 waits for the training before it\n");
    assert_int_equal(training_core_count(rig->core), 2);
}

static void asked_for_again_what_has_ended_is_told_again(void **state)
{
    struct core_rig *rig = *state;
    rig_end(rig, "t", 1);
    assert_false(rig_request(rig, "t", 1, NULL));
    rig_expect(rig, "tell t@1: completed, again\n");
    assert_int_equal(training_core_count(rig->core), 0);
}

static void a_later_attempt_replaces_one_that_has_a_worker(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    assert_true(rig_request(rig, "t", 2, NULL));
    rig_expect(rig, "kill t@1\ntell t@2: 0/3 waits for the training before it\n");
    assert_true(training_core_uses(rig->core, "m1"));
    assert_int_equal(rig_completed(rig, "t", 1), TRAINING_WORD_TAKEN); /* it was on its way */
    training_core_ended(rig->core, "worker was killed by SIGKILL", rig->now);
    rig_expect(rig, "prepare t@2\ntell t@2: 0/3 preparing\n");
}

static void a_later_attempt_replaces_one_that_is_fetched_for(void **state)
{
    struct core_rig *rig = *state;
    rig_request(rig, "t", 1, NULL);
    rig_forget(rig);
    rig_request(rig, "t", 2, NULL);
    rig_expect(rig, "kill t@1\ntell t@2: 0/3 waits for the training before it\n");
    training_core_prepared(rig->core, NULL, rig->now); /* it was there just before */
    rig_expect(rig, "prepare t@2\ntell t@2: 0/3 preparing\n");
}

static void a_later_attempt_replaces_one_that_waits(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "a", 1);
    rig_request(rig, "t", -1, NULL);
    rig_request(rig, "t", 2, NULL);
    rig_expect(rig, "tell t@2: 0/3 waits for the training before it\n");
    assert_int_equal(training_core_count(rig->core), 2);
}

static void an_earlier_attempt_than_is_known_is_refused(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 3);
    assert_false(rig_request(rig, "t", 2, NULL));
    rig_expect(rig, "tell t@2: failed: superseded: a later attempt is known here (in passing)\n");
    rig_completed(rig, "t", 3);
    training_core_ended(rig->core, "", rig->now);
    rig_forget(rig);
    assert_false(rig_request(rig, "t", -1, NULL));
    rig_expect(rig, "tell t: failed: superseded: a later attempt is known here (in passing)\n");
}

static void how_an_earlier_attempt_ended_stays_until_it_is_acknowledged(void **state)
{
    struct core_rig *rig = *state;
    rig_end(rig, "t", 1);
    rig_start(rig, "t", 2);
    training_core_link(rig->core, TRAINING_LINK_UP);
    rig_expect(rig, "tell t@1: completed, again\ntell t@2: 0/3 starting its worker\n");
    rig_acknowledge(rig, "t", 1);
    rig_expect(rig, "drop t@1\n");
    assert_int_equal(training_core_count(rig->core), 1);
}

static void what_cannot_be_done_here_is_refused_and_kept(void **state)
{
    struct core_rig *rig = *state;
    struct msg msg;
    assert_false(rig_request(rig, "t", 1, "the option 'x' is not offered"));
    rig_expect(rig, "keep t@1\ntell t@1: failed: the option 'x' is not offered\n");
    msg_init(&msg, MSG_SERVER_TRAIN); /* of which no more than the key could be read */
    assert_int_equal(msg_set(&msg.train_key, "u"), 0);
    assert_false(training_core_request(rig->core, &msg, "SERVER TRAIN lacks 'epochs'", rig->now));
    msg_release(&msg);
    rig_expect(rig, "keep u\ntell u: failed: SERVER TRAIN lacks 'epochs'\n");
}

static void a_node_with_64_trainings_takes_no_more(void **state)
{
    struct core_rig *rig = *state;
    char key[16];
    for (int i = 0; i < TRAININGS_MAX; i++) {
        snprintf(key, sizeof key, "t%d", i);
        assert_true(rig_request(rig, key, 1, NULL));
    }
    rig_forget(rig);
    assert_false(rig_request(rig, "more", 1, NULL));
    rig_expect(rig, "keep more@1\ntell more@1: failed: the node is busy: 64 trainings wait\n");
}

/* Cancelling */

static void a_worker_is_asked_to_end_and_says_how_it_did(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig_cancel(rig, "t", 1);
    rig_cancel(rig, "t", 1);
    rig_expect(rig, "ask t@1\n");
    rig_failed(rig, "t", 1, "cancelled", true);
    rig_expect(rig, "hang up t@1\nkeep t@1\ntell t@1: cancelled: cancelled\n");
}

static void a_training_that_is_complete_before_it_hears_of_its_cancel_is_complete(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig_cancel(rig, "t", 1);
    rig_completed(rig, "t", 1);
    rig_cancel(rig, "t", 1);
    rig_expect(rig, "hang up t@1\nkeep t@1\ntell t@1: completed\n");
}

static void a_worker_that_does_not_end_when_asked_is_killed(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig_cancel(rig, "t", 1);
    rig_expect(rig, "ask t@1\n");
    for (int i = 0; i < 2; i++) {
        rig_wait(rig, 4900);
        rig_alive(rig);
    }
    rig_expect(rig, "");
    rig_wait(rig, 200);
    rig_expect(rig, "kill t@1\ntell t@1: 0/3 starting its worker\n");
    training_core_ended(rig->core, "worker was killed by SIGKILL", rig->now);
    rig_expect(rig, "keep t@1\ntell t@1: cancelled: cancelled\n");
}

static void a_worker_that_dies_once_asked_has_failed(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig_cancel(rig, "t", 1);
    training_core_ended(rig->core, "worker was killed by SIGSEGV", rig->now);
    rig_expect(rig, "keep t@1\ntell t@1: failed: worker was killed by SIGSEGV\n");
}

static void what_not_even_a_kill_ends_is_told_as_cancelled_all_the_same(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig_request(rig, "next", 1, NULL);
    rig_cancel(rig, "t", 1);
    rig_wait(rig, 10000);
    rig_forget(rig);
    rig_wait(rig, 9999);
    assert_null(strstr(buf_text(&rig->seen), "cancelled"));
    rig_wait(rig, 1);
    assert_non_null(strstr(buf_text(&rig->seen), "keep t@1\ntell t@1: cancelled: cancelled\n"));
    rig_forget(rig);
    rig_wait(rig, 60000);
    assert_null(strstr(buf_text(&rig->seen), "prepare"));
    training_core_ended(rig->core, "worker was killed by SIGKILL", rig->now);
    rig_run(rig);
    assert_non_null(strstr(buf_text(&rig->seen), "prepare next@1\n"));
}

static void a_training_that_waits_is_cancelled_at_once(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "a", 1);
    rig_request(rig, "b", 1, NULL);
    rig_cancel(rig, "b", 1);
    rig_expect(rig, "keep b@1\ntell b@1: cancelled: cancelled\n");
    assert_int_equal(training_core_count(rig->core), 1);
}

static void a_training_that_is_fetched_for_is_cancelled_at_once(void **state)
{
    struct core_rig *rig = *state;
    rig_request(rig, "t", 1, NULL);
    rig_forget(rig);
    rig_cancel(rig, "t", 1);
    rig_expect(rig, "kill t@1\nkeep t@1\ntell t@1: cancelled: cancelled\n");
    training_core_prepared(rig->core, "stopped", rig->now);
    rig_expect(rig, "");
    assert_int_equal(training_core_count(rig->core), 0);
}

static void a_cancel_reaches_its_own_attempt_alone(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 2);
    rig_cancel(rig, "t", 1);
    rig_cancel(rig, "t", 3);
    rig_expect(rig, "tell t@1: failed: the node has no such job (in passing)\n"
                    "tell t@3: failed: the node has no such job (in passing)\n");
    rig_cancel(rig, "t", -1);
    rig_expect(rig, "ask t@2\n");
}

static void a_cancel_of_what_has_ended_is_told_how_it_ended(void **state)
{
    struct core_rig *rig = *state;
    rig_end(rig, "t", 1);
    rig_cancel(rig, "t", 1);
    rig_expect(rig, "tell t@1: completed, again\n");
    rig_cancel(rig, "t", -1);
    rig_expect(rig, "tell t@1: completed, again\n");
}

/* A worker that says nothing */

static void a_silent_worker_is_told_of_and_killed_after_two_minutes(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig_progress(rig, "t", 1, 1, 1, NULL);
    rig_wait(rig, 10000);
    rig_expect(rig, "tell t@1: 1/3 -\n");
    rig_wait(rig, 14000);
    rig_expect(rig, "tell t@1: 1/3 its worker has not answered for 16 s\n");
    rig_wait(rig, 10000);
    rig_expect(rig, "tell t@1: 1/3 its worker has not answered for 26 s\n");
    rig_wait(rig, 85000);
    assert_null(strstr(buf_text(&rig->seen), "kill"));
    rig_forget(rig);
    rig_wait(rig, 2000);
    assert_non_null(strstr(buf_text(&rig->seen), "kill t@1\n"));
    rig_forget(rig);
    training_core_ended(rig->core, "worker was killed by SIGKILL", rig->now);
    rig_expect(rig, "keep t@1\ntell t@1: failed: its worker did not answer for 120 s\n");
}

static void a_worker_that_answers_again_is_told_of_at_once(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig_progress(rig, "t", 1, 2, 1, NULL);
    rig_wait(rig, 20000);
    assert_non_null(strstr(buf_text(&rig->seen), "has not answered"));
    rig_forget(rig);
    rig_alive(rig);
    rig_expect(rig, "tell t@1: 2/3 -\n");
    rig_wait(rig, 10000);
    rig_expect(rig, "tell t@1: 2/3 -\n");
}

static void a_sign_of_life_every_five_seconds_is_enough(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    for (int i = 0; i < 100; i++) {
        rig_wait(rig, 5000);
        rig_alive(rig);
    }
    assert_null(strstr(buf_text(&rig->seen), "answer"));
    assert_null(strstr(buf_text(&rig->seen), "kill"));
}

static void a_node_that_did_not_run_itself_takes_nobody_for_silent(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig_wait(rig, 4000);
    rig->now += 500000; /* stopped, or asleep */
    rig_expect(rig, "tell t@1: 0/3 starting its worker\n");
    rig_wait(rig, 8000);
    rig_expect(rig, "");
    rig_wait(rig, 4000);
    rig_expect(rig, "tell t@1: 0/3 starting its worker\ntell t@1: 0/3 its worker has not answered for 16 s\n");
}

static void what_befell_one_training_does_not_befall_the_next(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "a", 1);
    rig_wait(rig, 20000);
    rig_cancel(rig, "a", 1);
    rig_wait(rig, 10000);
    assert_non_null(strstr(buf_text(&rig->seen), "has not answered"));
    assert_non_null(strstr(buf_text(&rig->seen), "kill a@1\n"));
    training_core_ended(rig->core, "worker was killed by SIGKILL", rig->now);
    rig_run(rig);
    assert_non_null(strstr(buf_text(&rig->seen), "tell a@1: cancelled: cancelled\n"));
    rig_acknowledge(rig, "a", 1);
    rig_forget(rig);
    assert_true(rig_request(rig, "b", 1, NULL));
    rig_forget(rig);
    training_core_prepared(rig->core, NULL, rig->now);
    rig_expect(rig, "start b@1\ntell b@1: 0/3 starting its worker\n");
    training_core_ended(rig->core, "worker was killed by SIGSEGV", rig->now);
    rig_expect(rig, "keep b@1\ntell b@1: failed: worker was killed by SIGSEGV\n");
}

/* Its end */

static void on_a_stop_everything_fails_by_name_and_nothing_begins(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "a", 1);
    rig_request(rig, "b", 1, NULL);
    rig_forget(rig);
    training_core_stop(rig->core, rig->now);
    rig_expect(rig, "kill a@1\nkeep a@1\nkeep b@1\ntell a@1: failed: node 'node0' was stopped\n"
                    "tell b@1: failed: node 'node0' was stopped\n");
    training_core_ended(rig->core, "worker was killed by SIGKILL", rig->now);
    assert_false(rig_request(rig, "c", 1, NULL));
    rig_expect(rig, "keep c@1\ntell c@1: failed: node 'node0' was stopped\n");
    assert_int_equal(training_core_count(rig->core), 0);
}

static void a_stop_does_not_wait_for_what_is_fetched(void **state)
{
    struct core_rig *rig = *state;
    rig_request(rig, "a", 1, NULL);
    rig_forget(rig);
    training_core_stop(rig->core, rig->now);
    rig_expect(rig, "kill a@1\nkeep a@1\ntell a@1: failed: node 'node0' was stopped\n");
    training_core_prepared(rig->core, "stopped", rig->now);
    rig_expect(rig, "");
    assert_int_equal(training_core_count(rig->core), 0);
}

/* What there is */

static void the_list_has_what_is_on_and_what_has_ended(void **state)
{
    struct core_rig *rig = *state;
    rig_end(rig, "a", 1);
    rig_start(rig, "b", 2);
    cJSON *jobs = training_core_list(rig->core);
    char *text = cJSON_PrintUnformatted(jobs);
    assert_string_equal(text, "[{\"job\":\"7\",\"generation\":1,\"instance\":\"a1\",\"train_key\":\"a\",\"model_name\":"
                              "\"m1\",\"state\":\"completed\"},{\"job\":\"7\",\"generation\":2,\"instance\":\"a1\","
                              "\"train_key\":\"b\",\"model_name\":\"m1\",\"state\":\"running\"}]");
    free(text);
    cJSON_Delete(jobs);
}

static void what_is_superseded_is_not_in_the_list(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig_request(rig, "t", 2, NULL);
    cJSON *jobs = training_core_list(rig->core);
    assert_int_equal(cJSON_GetArraySize(jobs), 1);
    assert_int_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(jobs, 0), "generation")->valueint, 2);
    cJSON_Delete(jobs);
}

static void a_model_is_used_while_its_training_may_write_it(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    assert_true(training_core_uses(rig->core, "m1"));
    assert_false(training_core_uses(rig->core, "m2"));
    rig_completed(rig, "t", 1);
    assert_false(training_core_uses(rig->core, "m1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(a_training_is_told_of_fetched_for_and_trained),
        RIGGED(the_second_training_waits_for_the_first_and_is_told_so),
        RIGGED(each_training_is_told_of_every_ten_seconds),
        RIGGED(what_is_done_before_the_first_batch_is_told_until_then),
        RIGGED(what_is_fetched_is_passed_on_while_it_is_prepared),
        RIGGED(what_cannot_be_fetched_fails_its_training_and_the_next_begins),
        RIGGED(a_worker_that_dies_fails_its_training),
        RIGGED(a_worker_that_does_not_go_after_its_outcome_is_killed),
        RIGGED(what_a_worker_says_of_other_trainings_does_not_count),
        RIGGED(an_outcome_that_is_too_long_to_send_is_a_failure),
        RIGGED(asked_for_twice_nothing_is_trained_twice),
        RIGGED(asked_for_again_what_has_ended_is_told_again),
        RIGGED(a_later_attempt_replaces_one_that_has_a_worker),
        RIGGED(a_later_attempt_replaces_one_that_is_fetched_for),
        RIGGED(a_later_attempt_replaces_one_that_waits),
        RIGGED(an_earlier_attempt_than_is_known_is_refused),
        RIGGED(how_an_earlier_attempt_ended_stays_until_it_is_acknowledged),
        RIGGED(what_cannot_be_done_here_is_refused_and_kept),
        RIGGED(a_node_with_64_trainings_takes_no_more),
        RIGGED(a_worker_is_asked_to_end_and_says_how_it_did),
        RIGGED(a_training_that_is_complete_before_it_hears_of_its_cancel_is_complete),
        RIGGED(a_worker_that_does_not_end_when_asked_is_killed),
        RIGGED(a_worker_that_dies_once_asked_has_failed),
        RIGGED(what_not_even_a_kill_ends_is_told_as_cancelled_all_the_same),
        RIGGED(a_training_that_waits_is_cancelled_at_once),
        RIGGED(a_training_that_is_fetched_for_is_cancelled_at_once),
        RIGGED(a_cancel_reaches_its_own_attempt_alone),
        RIGGED(a_cancel_of_what_has_ended_is_told_how_it_ended),
        RIGGED(a_silent_worker_is_told_of_and_killed_after_two_minutes),
        RIGGED(a_worker_that_answers_again_is_told_of_at_once),
        RIGGED(a_sign_of_life_every_five_seconds_is_enough),
        RIGGED(a_node_that_did_not_run_itself_takes_nobody_for_silent),
        RIGGED(what_befell_one_training_does_not_befall_the_next),
        RIGGED(on_a_stop_everything_fails_by_name_and_nothing_begins),
        RIGGED(a_stop_does_not_wait_for_what_is_fetched),
        RIGGED(the_list_has_what_is_on_and_what_has_ended),
        RIGGED(what_is_superseded_is_not_in_the_list),
        RIGGED(a_model_is_used_while_its_training_may_write_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
