/* The life of trainings, from their start to their outcome, with scripted nodes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "job_rig.h"

static void a_job_starts_when_a_node_has_told_what_it_runs(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_greet(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    peer_expect_no(&peer, "SERVER TRAIN");
    assert_string_equal(job->reason, "waits for a free node");
    peer_inform(&peer, "n", "[]");
    cJSON *msg = peer_hear(&peer, "SERVER TRAIN");
    assert_string_equal(text_of(msg, "train_key"), job->train_key);
    assert_string_equal(text_of(msg, "job"), job->id);
    assert_int_equal(number_of(msg, "generation"), 1);
    assert_int_equal(number_of(msg, "epochs"), 10);
    cJSON_Delete(msg);
    assert_int_equal(job_shown(job), JOB_STARTING);
    assert_string_equal(job->node, "n");
    tell(&peer, BEGUN, job->train_key);
    RIG_WAIT(rig, job_shown(job) == JOB_RUNNING);
    peer_close(&peer);
}

static void a_node_trains_one_at_a_time_and_the_rest_in_order(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    const struct job *first = train(rig, "m", NULL), *second = train(rig, "m2", "n"), *third = train(rig, "m3", NULL);
    hear_train(&peer, first);
    peer_expect_no(&peer, "SERVER TRAIN");
    assert_int_equal(second->state, JOB_QUEUED);
    assert_string_equal(second->reason, "waits for node 'n'");
    tell(&peer, FAILED, first->train_key);
    hear_train(&peer, second);
    assert_int_equal(first->state, JOB_FAILED);
    assert_string_equal(first->error, "out of memory");
    tell(&peer, FAILED, second->train_key);
    hear_train(&peer, third);
    peer_close(&peer);
}

static void a_fourth_job_waits_for_three_nodes_and_runs_on_the_first_that_is_free(void **state)
{
    struct rig *rig = *state;
    struct peer peers[3];
    const char *const names[] = { "a", "b", "c" };
    const struct job *jobs[4];
    for (int i = 0; i < 3; i++)
        peer_register(&peers[i], rig, names[i]);
    for (int i = 0; i < 4; i++)
        jobs[i] = train(rig, NULL, NULL);
    for (int i = 0; i < 3; i++)
        hear_train(&peers[i], jobs[i]);
    assert_int_equal(jobs[3]->state, JOB_QUEUED);
    tell(&peers[1], FAILED, jobs[1]->train_key);
    hear_train(&peers[1], jobs[3]);
    for (int i = 0; i < 3; i++)
        peer_close(&peers[i]);
}

static void a_job_waits_for_a_node_that_offers_its_options_and_says_so(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer;
    peer_register(&peer, rig, "n");
    ask(rig, &answer, "m", NULL, "seed", "1");
    RIG_WAIT(rig, answer.count);
    assert_int_equal(answer.status, 202);
    peer_expect_no(&peer, "SERVER TRAIN");
    assert_string_equal(jobs_find(rig->broker.jobs, answer.id)->reason, "waits for a node that offers 'seed'");
    peer_close(&peer);
}

static void a_legacy_node_is_sent_what_the_reference_sends(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register_legacy(&peer, rig, "old");
    const struct job *job = train(rig, "m", "old");
    cJSON *msg = peer_hear(&peer, "SERVER TRAIN");
    char *text = cJSON_PrintUnformatted(msg), expected[512];
    snprintf(expected, sizeof expected,
             "{\"type\":\"SERVER TRAIN\",\"modelName\":\"m\",\"modelType\":\"resnet\",\"epochs\":10,\"batchSize\":32,"
             "\"learningRate\":0.001,\"train_key\":\"%s\"}",
             job->train_key);
    assert_string_equal(text, expected);
    cJSON_free(text);
    cJSON_Delete(msg);
    RIG_WAIT(rig, job_shown(job) == JOB_RUNNING);
    tell(&peer, "{\"type\": \"TRAINING_COMPLETED\", \"train_key\": \"%s\", \"model_name\": \"m\", \"data\": {}}",
         job->train_key);
    RIG_WAIT(rig, job->state == JOB_COMPLETED);
    peer_expect_no(&peer, "SERVER JOB ACK");
    peer_close(&peer);
}

/* Behind a question that the node has not answered. */
static const struct job *train_later(struct rig *rig, struct peer *peer)
{
    struct msg msg;
    msg_init(&msg, MSG_GET_JSON);
    assert_int_equal(msg_set(&msg.name, "old") || msg_set(&msg.json_name, "m1"), 0);
    assert_int_equal(link_send(registry_find(rig->broker.registry, "old")->link, &msg), 0);
    msg_release(&msg);
    const struct job *job = train(rig, "m", "old");
    RIG_WAIT(rig, job_shown(job) == JOB_STARTING && job->live->sent);
    peer_expect(peer, "GET_JSON");
    return job;
}

static void a_legacy_node_is_sent_a_training_behind_what_it_has_not_answered_and_trains_it_from_then_on(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register_legacy(&peer, rig, "old");
    const struct job *job = train_later(rig, &peer);
    peer_expect_no(&peer, "SERVER TRAIN");
    assert_int_equal(job_shown(job), JOB_STARTING);
    peer_leave(&peer, "old");
    RIG_WAIT(rig, job_shown(job) == JOB_QUEUED);
    peer_register_legacy(&peer, rig, "old");
    peer_expect(&peer, "SERVER TRAIN");
    RIG_WAIT(rig, job_shown(job) == JOB_RUNNING);
    peer_close(&peer);
}

/* Ending */

static void epochs_are_kept_and_those_missed_come_with_the_report(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    tell(&peer, EPOCH, job->train_key);
    tell(&peer, EPOCH, job->train_key);
    RIG_WAIT(rig, job->live->batch == 7);
    rig_turn_for(rig, 50);
    cJSON *results = rig_results(rig, job->id);
    assert_int_equal(cJSON_GetArraySize(results), 1);
    cJSON_Delete(results);
    tell(&peer, COMPLETED, job->train_key);
    RIG_WAIT(rig, job->state == JOB_COMPLETED);
    assert_null(job->results); /* all are in the store */
    results = rig_results(rig, job->id);
    assert_int_equal(cJSON_GetArraySize(results), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(number_of(cJSON_GetArrayItem(results, i), "epoch"), i + 1);
    cJSON_Delete(results);
    peer_close(&peer);
}

static void notices_are_kept_once_each_also_by_a_restarted_broker(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    for (int i = 0; i < 2; i++) {
        tell(&peer, NOTICE("2 files are left out"), job->train_key);
        tell(&peer, NOTICE("it starts at random"), job->train_key);
    }
    RIG_WAIT(rig, job->notices && job->notices->count == 2);
    peer_close(&peer);
    rig_restart(rig);
    job = jobs_find(rig->broker.jobs, "1");
    assert_int_equal(job->notices->count, 2);
    peer_greet(&peer, rig, "n");
    inform_of(&peer, "n", job, "completed");
    tell(&peer, COMPLETED, job->train_key); /* whose report has one that was not heard */
    peer_expect(&peer, "SERVER JOB ACK");
    cJSON *json = job_json(job), *notices = cJSON_GetObjectItem(json, "notices");
    assert_int_equal(cJSON_GetArraySize(notices), 3);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(notices, 0)), "2 files are left out");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(notices, 2)), "a checkpoint is missing");
    cJSON_Delete(json);
    peer_close(&peer);
}

static void on_ended(void *arg, const struct job *job)
{
    const struct job **heard = arg;
    assert_null(*heard);
    *heard = job;
}

static void an_outcome_is_told_once_and_acknowledged_each_time(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    const struct job *heard = NULL;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    struct jobs_waiter waiter = { .job = job, .ended = on_ended, .arg = &heard };
    jobs_shell_wait(&rig->broker, &waiter);
    hear_train(&peer, job);
    for (int i = 0; i < 2; i++) {
        tell(&peer, COMPLETED, job->train_key);
        cJSON *ack = peer_hear(&peer, "SERVER JOB ACK");
        assert_string_equal(text_of(ack, "train_key"), job->train_key);
        assert_string_equal(text_of(ack, "job"), job->id);
        cJSON_Delete(ack);
    }
    assert_ptr_equal(heard, job);
    assert_string_equal(models_newest(rig->broker.models), "m");
    assert_string_equal(models_digest(rig->broker.models, "m", NULL), DIGEST);
    peer_close(&peer);
}

static void an_outcome_that_cannot_be_stored_is_not_acknowledged(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    /* A key that is taken makes the write fail, as a full disk would. */
    snprintf(((struct job *)job)->id, sizeof job->id, "999");
    tell(&peer, COMPLETED, job->train_key);
    peer_expect_no(&peer, "SERVER JOB ACK");
    assert_int_equal(job_shown(job), JOB_ENDING);
    tell(&peer, COMPLETED, job->train_key);
    peer_expect_no(&peer, "SERVER JOB ACK");
    snprintf(((struct job *)job)->id, sizeof job->id, "1");
    peer_expect(&peer, "SERVER JOB ACK"); /* it is tried again */
    assert_int_equal(job_shown(job), JOB_COMPLETED);
    peer_close(&peer);
}

static void an_outcome_of_no_known_job_is_acknowledged_and_its_model_listed(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    tell(&peer, COMPLETED, "train:12345");
    cJSON *ack = peer_hear(&peer, "SERVER JOB ACK");
    assert_string_equal(text_of(ack, "train_key"), "train:12345");
    cJSON_Delete(ack);
    assert_true(models_know(rig->broker.models, "m"));
    assert_null(jobs_oldest(rig->broker.jobs));
    peer_close(&peer);
}

/* Cancelling */

static void a_queued_job_is_cancelled_at_once_and_for_good(void **state)
{
    struct rig *rig = *state;
    struct answer answer;
    const struct job *job = train(rig, "m", NULL);
    char id[NAME_SIZE];
    snprintf(id, sizeof id, "%s", job->id);
    cancel(rig, &answer, job);
    assert_int_equal(answer.status, 200);
    assert_int_equal(job->state, JOB_CANCELLED);
    cancel(rig, &answer, job);
    assert_int_equal(answer.status, 409);
    rig_restart(rig);
    assert_int_equal(jobs_find(rig->broker.jobs, id)->state, JOB_CANCELLED);
}

static void a_running_job_is_cancelled_by_its_node(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    cancel(rig, &answer, job);
    assert_int_equal(answer.status, 202);
    cJSON *msg = peer_hear(&peer, "SERVER CANCEL");
    assert_string_equal(text_of(msg, "train_key"), job->train_key);
    cJSON_Delete(msg);
    assert_int_equal(job->state, JOB_RUNNING);
    tell(&peer, CANCELLED, job->train_key);
    peer_expect(&peer, "SERVER JOB ACK");
    assert_int_equal(job->state, JOB_CANCELLED);
    assert_null(job->error);
    peer_close(&peer);
}

static void a_job_cancelled_while_its_node_was_away_is_stopped_there(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    peer_leave(&peer, "n");
    cancel(rig, &answer, job);
    assert_int_equal(answer.status, 200);
    peer_greet(&peer, rig, "n");
    inform_of(&peer, "n", job, "running");
    peer_expect(&peer, "SERVER CANCEL");
    assert_int_equal(job->state, JOB_CANCELLED);
    peer_close(&peer);
}

static void a_legacy_node_is_not_sent_what_was_cancelled_before_its_turn(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer;
    peer_register_legacy(&peer, rig, "old");
    const struct job *job = train_later(rig, &peer);
    cancel(rig, &answer, job);
    assert_int_equal(answer.status, 200);
    assert_int_equal(job->state, JOB_CANCELLED);
    assert_null(job->reason); /* it trains nothing on */
    const struct job *next = train(rig, "m2", "old");
    RIG_WAIT(rig, job_shown(next) == JOB_STARTING && next->live->sent);
    tell(&peer, "{\"type\": \"JSON_RESPONSE\", \"name\": \"old\", \"json_name\": \"m1\", \"data\": {\"of\": \"%s\"}}",
         job->train_key);
    hear_train(&peer, next);
    RIG_WAIT(rig, job_shown(next) == JOB_RUNNING);
    cancel(rig, &answer, next);
    assert_int_equal(answer.status, 200);
    assert_string_equal(next->reason, "node 'old' cannot cancel a training: it may train on");
    peer_close(&peer);
}

/* Coming back */

static void a_node_that_comes_back_with_its_job_goes_on_with_it(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    peer_leave(&peer, "n");
    assert_int_equal(job->state, JOB_RUNNING);
    assert_string_equal(job->reason, "node 'n' is away");
    assert_true(job->live->lost_ms);
    peer_greet(&peer, rig, "n");
    inform_of(&peer, "n", job, "running");
    RIG_WAIT(rig, !job->live->lost_ms);
    assert_string_equal(registry_find(rig->broker.registry, "n")->job, job->id);
    assert_null(job->reason);
    peer_expect_no(&peer, "SERVER TRAIN");
    peer_close(&peer);
}

static void a_node_that_comes_back_without_its_job_fails_it_and_takes_the_next(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL), *next = train(rig, "m2", NULL);
    hear_train(&peer, job);
    peer_leave(&peer, "n");
    peer_register(&peer, rig, "n");
    hear_train(&peer, next);
    RIG_WAIT(rig, job->state == JOB_FAILED); /* its end is committed later than the next start may be */
    assert_string_equal(job->error, "node 'n' no longer has it");
    peer_close(&peer);
}

static void a_job_that_was_given_up_but_still_runs_is_taken_up_again(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    peer_leave(&peer, "n");
    peer_register(&peer, rig, "n");
    RIG_WAIT(rig, job->state == JOB_FAILED);
    inform_of(&peer, "n", job, "running");
    RIG_WAIT(rig, job->state == JOB_RUNNING);
    assert_null(job->error);
    tell(&peer, COMPLETED, job->train_key);
    RIG_WAIT(rig, job->state == JOB_COMPLETED);
    peer_close(&peer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_job_starts_when_a_node_has_told_what_it_runs),
        TEST(a_node_trains_one_at_a_time_and_the_rest_in_order),
        TEST(a_fourth_job_waits_for_three_nodes_and_runs_on_the_first_that_is_free),
        TEST(a_job_waits_for_a_node_that_offers_its_options_and_says_so),
        TEST(a_legacy_node_is_sent_what_the_reference_sends),
        TEST(a_legacy_node_is_sent_a_training_behind_what_it_has_not_answered_and_trains_it_from_then_on),
        TEST(epochs_are_kept_and_those_missed_come_with_the_report),
        TEST(notices_are_kept_once_each_also_by_a_restarted_broker),
        TEST(an_outcome_is_told_once_and_acknowledged_each_time),
        TEST(an_outcome_that_cannot_be_stored_is_not_acknowledged),
        TEST(an_outcome_of_no_known_job_is_acknowledged_and_its_model_listed),
        TEST(a_queued_job_is_cancelled_at_once_and_for_good),
        TEST(a_running_job_is_cancelled_by_its_node),
        TEST(a_job_cancelled_while_its_node_was_away_is_stopped_there),
        TEST(a_legacy_node_is_not_sent_what_was_cancelled_before_its_turn),
        TEST(a_node_that_comes_back_with_its_job_goes_on_with_it),
        TEST(a_node_that_comes_back_without_its_job_fails_it_and_takes_the_next),
        TEST(a_job_that_was_given_up_but_still_runs_is_taken_up_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
