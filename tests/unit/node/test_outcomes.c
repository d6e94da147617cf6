/* Outcomes from the end of a training to their acknowledgement: kept, told, dropped, whatever the disk and the broker
 * do. */
#include <stdio.h>

#include "core_rig.h"

static void an_outcome_is_told_once_keeping_it_was_tried(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig->disk = DISK_IS_SLOW;
    rig_completed(rig, "t", 1);
    rig_expect(rig, "hang up t@1\nkeep t@1\n");
    rig_wait(rig, 1000);
    rig_expect(rig, "");
    training_core_kept(rig->core, rig->writing, true, rig->now);
    rig_expect(rig, "tell t@1: completed\n");
}

static void what_is_not_kept_yet_is_listed_as_running(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig->disk = DISK_IS_SLOW;
    rig_completed(rig, "t", 1);
    rig_run(rig);
    for (int kept = 0; kept < 2; kept++) {
        cJSON *jobs = training_core_list(rig->core), *job = cJSON_GetArrayItem(jobs, 0);
        assert_int_equal(cJSON_GetArraySize(jobs), 1);
        assert_string_equal(cJSON_GetObjectItem(job, "state")->valuestring, kept ? "completed" : "running");
        cJSON_Delete(jobs);
        if (!kept)
            training_core_kept(rig->core, rig->writing, true, rig->now);
    }
}

static void what_cannot_be_kept_is_told_all_the_same_and_tried_again_later_and_later(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig->disk = DISK_IS_FULL;
    rig_completed(rig, "t", 1);
    rig_expect(rig, "hang up t@1\nkeep t@1\ntell t@1: completed\n");
    training_core_ended(rig->core, "", rig->now);
    static const int64_t pauses[] = { 500, 1000, 2000, 4000, 8000, 16000 }; /* in sum 31.5 s */
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        rig_wait(rig, pauses[i] - 1);
        rig_expect(rig, "");
        rig_wait(rig, 1);
        rig_expect(rig, "keep t@1 again\n");
    }
    rig_wait(rig, 28500);
    rig_expect(rig, "tell t@1: completed, again\n");
    rig->disk = DISK_KEEPS;
    rig_wait(rig, 1500);
    rig_expect(rig, "keep t@1 again\n");
    rig_wait(rig, 50000);
    rig_expect(rig, "");
}

static void what_was_never_kept_needs_no_disk_to_be_acknowledged(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig->disk = DISK_IS_FULL;
    rig_completed(rig, "t", 1);
    rig_forget(rig);
    rig_acknowledge(rig, "t", 1);
    rig_expect(rig, "drop t@1\n"); /* an attempt may have left something */
    rig_wait(rig, 9000);
    rig_expect(rig, "");
}

static void what_is_acknowledged_while_it_is_written_is_dropped_after(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig->disk = DISK_IS_FULL;
    rig_completed(rig, "t", 1);
    rig_run(rig);
    training_core_ended(rig->core, "", rig->now);
    rig->disk = DISK_IS_SLOW;
    rig_forget(rig);
    rig_wait(rig, 500);
    rig_expect(rig, "keep t@1 again\n");
    rig_acknowledge(rig, "t", 1);
    rig_expect(rig, "");
    training_core_kept(rig->core, rig->writing, true, rig->now);
    rig_expect(rig, "drop t@1\n");
    assert_true(training_core_due(rig->core, rig->now) == INT64_MAX);
}

static void an_acknowledgement_drops_its_own_attempt_alone(void **state)
{
    struct core_rig *rig = *state;
    rig_end(rig, "t", 1);
    rig_end(rig, "t", 2);
    rig_end(rig, "u", 1);
    rig_acknowledge(rig, "t", 3);
    rig_acknowledge(rig, "v", 1);
    rig_expect(rig, "");
    rig_acknowledge(rig, "t", 2);
    rig_acknowledge(rig, "t", 2);
    rig_expect(rig, "drop t@2\n");
}

static void an_acknowledgement_that_names_no_attempt_drops_all_of_its_key(void **state)
{
    struct core_rig *rig = *state;
    rig_end(rig, "t", 1);
    rig_end(rig, "t", 2);
    rig_end(rig, "u", 1);
    rig_acknowledge(rig, "t", -1);
    rig_expect(rig, "drop t@1\ndrop t@2\n");
}

static void an_acknowledgement_does_not_end_a_training(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig_acknowledge(rig, "t", 1);
    rig_acknowledge(rig, "t", -1);
    rig_expect(rig, "");
    assert_int_equal(rig_completed(rig, "t", 1), TRAINING_WORD_TAKEN);
    rig_expect(rig, "hang up t@1\nkeep t@1\ntell t@1: completed\n");
}

static void what_was_told_is_told_again_in_each_session_and_every_minute(void **state)
{
    struct core_rig *rig = *state;
    rig_end(rig, "t", 1);
    training_core_link(rig->core, TRAINING_LINK_DOWN);
    rig_wait(rig, 100000);
    rig_expect(rig, "");
    training_core_link(rig->core, TRAINING_LINK_UP);
    rig_expect(rig, "tell t@1: completed, again\n");
    rig_wait(rig, 59999);
    rig_expect(rig, "");
    rig_wait(rig, 1);
    rig_expect(rig, "tell t@1: completed, again\n");
}

static void what_ends_while_the_broker_is_away_is_told_when_it_is_back(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    training_core_link(rig->core, TRAINING_LINK_DOWN);
    assert_int_equal(rig_progress(rig, "t", 1, 1, 1, NULL), TRAINING_WORD_TAKEN);
    rig_wait(rig, 10000);
    rig_expect(rig, "");
    training_core_link(rig->core, TRAINING_LINK_UP);
    rig_expect(rig, "tell t@1: 1/3 -\n");
    training_core_link(rig->core, TRAINING_LINK_DOWN);
    rig_completed(rig, "t", 1);
    rig_expect(rig, "hang up t@1\nkeep t@1\n");
    training_core_link(rig->core, TRAINING_LINK_UP);
    rig_expect(rig, "tell t@1: completed, again\n"); /* NODE INFO had its model already */
}

static void a_model_is_announced_in_the_session_in_which_it_was_made_alone(void **state)
{
    struct core_rig *rig = *state;
    rig_start(rig, "t", 1);
    rig->disk = DISK_IS_SLOW;
    rig_completed(rig, "t", 1);
    rig_run(rig);
    training_core_link(rig->core, TRAINING_LINK_DOWN);
    training_core_link(rig->core, TRAINING_LINK_UP);
    rig_forget(rig);
    training_core_kept(rig->core, rig->writing, true, rig->now);
    rig_expect(rig, "tell t@1: completed, again\n"); /* NODE INFO had the model already */
}

static void a_legacy_broker_is_told_outcomes_alone_which_are_dropped_when_they_have_left(void **state)
{
    struct core_rig *rig = *state;
    training_core_link(rig->core, TRAINING_LINK_LEGACY);
    rig_request(rig, "t", -1, NULL);
    rig_expect(rig, "prepare t\n");
    training_core_prepared(rig->core, NULL, rig->now);
    assert_int_equal(rig_progress(rig, "t", -1, 1, 1, NULL), TRAINING_WORD_TAKEN);
    rig_expect(rig, "start t\n");
    rig_completed(rig, "t", -1);
    rig_expect(rig, "hang up t\nkeep t\ntell t: completed\n");
    training_core_ended(rig->core, "", rig->now);
    rig_wait(rig, 200000);
    rig_expect(rig, ""); /* one at a time leaves for such a broker: it may wait for long */
    training_core_sent(rig->core, "t");
    training_core_sent(rig->core, "other");
    rig_expect(rig, "drop t\n");
}

static void that_a_message_has_left_does_not_drop_what_a_broker_acknowledges(void **state)
{
    struct core_rig *rig = *state;
    rig_end(rig, "t", 1);
    training_core_sent(rig->core, "t@1");
    rig_expect(rig, "");
}

static void a_word_in_passing_is_for_who_asked_alone(void **state)
{
    struct core_rig *rig = *state;
    rig_cancel(rig, "t", 1);
    training_core_link(rig->core, TRAINING_LINK_DOWN);
    training_core_link(rig->core, TRAINING_LINK_UP);
    rig_expect(rig, "");
    for (int i = 0; i < 10 * OUTCOMES_IN_PASSING; i++)
        rig_cancel(rig, "t", i);
    rig_run(rig);
    int told = 0;
    for (const char *at = buf_text(&rig->seen); (at = strstr(at, "tell")); at++)
        told++;
    assert_int_equal(told, OUTCOMES_IN_PASSING);
}

static void load(struct core_rig *rig, const char *key, int64_t generation)
{
    struct msg msg;
    rig_message(&msg, MSG_TRAINING_FAILED, key, generation);
    assert_int_equal(msg_set(&msg.message, "worker was killed") | msg_set(&msg.instance, "a1"), 0);
    assert_int_equal(training_core_load(rig->core, &msg), 0);
    msg_release(&msg);
}

static void what_was_found_on_disk_is_told_and_dropped_as_any_other(void **state)
{
    struct core_rig *rig = *state;
    load(rig, "t", 1);
    load(rig, "t", 1);
    load(rig, "t", -1);
    rig_expect(rig, "tell t@1: failed: worker was killed\ntell t: failed: worker was killed\n");
    assert_false(rig_request(rig, "t", 1, NULL));
    rig_expect(rig, "tell t@1: failed: worker was killed\n");
    rig_acknowledge(rig, "t", 1);
    rig_expect(rig, "drop t@1\n");
}

static void only_so_many_are_told_without_an_answer(void **state)
{
    struct core_rig *rig = *state;
    char key[16];
    training_core_link(rig->core, TRAINING_LINK_DOWN);
    for (int i = 0; i < OUTCOMES_UNDER_WAY + 2; i++) {
        snprintf(key, sizeof key, "t%02d", i);
        load(rig, key, 1);
    }
    training_core_link(rig->core, TRAINING_LINK_UP);
    rig_run(rig);
    assert_non_null(strstr(buf_text(&rig->seen), "tell t15@1"));
    assert_null(strstr(buf_text(&rig->seen), "tell t16@1"));
    rig_forget(rig);
    rig_acknowledge(rig, "t03", 1);
    rig_expect(rig, "drop t03@1\ntell t16@1: failed: worker was killed\n");
    rig_wait(rig, 59999);
    rig_expect(rig, "");
    rig_wait(rig, 1); /* who was not told yet comes first */
    rig_run(rig);
    assert_ptr_equal(strstr(buf_text(&rig->seen), "tell t17@1"), buf_text(&rig->seen));
}

static void of_more_than_a_thousand_the_oldest_is_given_up(void **state)
{
    struct core_rig *rig = *state;
    char key[16];
    training_core_link(rig->core, TRAINING_LINK_DOWN);
    for (int i = 0; i < OUTCOMES_MAX; i++) {
        snprintf(key, sizeof key, "t%d", i);
        load(rig, key, 1);
    }
    rig_expect(rig, "");
    assert_false(rig_request(rig, "more", 1, "refused"));
    rig_expect(rig, "drop t0@1, given up\nkeep more@1\n");
    assert_false(rig_request(rig, "even more", 1, "refused"));
    rig_expect(rig, "drop t1@1, given up\nkeep even more@1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(an_outcome_is_told_once_keeping_it_was_tried),
        RIGGED(what_is_not_kept_yet_is_listed_as_running),
        RIGGED(what_cannot_be_kept_is_told_all_the_same_and_tried_again_later_and_later),
        RIGGED(what_was_never_kept_needs_no_disk_to_be_acknowledged),
        RIGGED(what_is_acknowledged_while_it_is_written_is_dropped_after),
        RIGGED(an_acknowledgement_drops_its_own_attempt_alone),
        RIGGED(an_acknowledgement_that_names_no_attempt_drops_all_of_its_key),
        RIGGED(an_acknowledgement_does_not_end_a_training),
        RIGGED(what_was_told_is_told_again_in_each_session_and_every_minute),
        RIGGED(what_ends_while_the_broker_is_away_is_told_when_it_is_back),
        RIGGED(a_model_is_announced_in_the_session_in_which_it_was_made_alone),
        RIGGED(a_legacy_broker_is_told_outcomes_alone_which_are_dropped_when_they_have_left),
        RIGGED(that_a_message_has_left_does_not_drop_what_a_broker_acknowledges),
        RIGGED(a_word_in_passing_is_for_who_asked_alone),
        RIGGED(what_was_found_on_disk_is_told_and_dropped_as_any_other),
        RIGGED(only_so_many_are_told_without_an_answer),
        RIGGED(of_more_than_a_thousand_the_oldest_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
