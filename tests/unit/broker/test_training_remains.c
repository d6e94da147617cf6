/* What trainings that made no model left on their nodes is removed there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "removal_rig.h"
#include "src/broker/job_submit.h"

static void on_submitted(void *arg, const struct job *job)
{
    const struct job **to = arg;
    *to = job;
}

static const struct job *train(struct rig *rig)
{
    const struct job *job = NULL;
    struct train_options options;
    struct refusal refusal;
    train_options_init(&options);
    struct job_submission submission = { "resnet", "m", NULL, &options };
    assert_int_equal(job_submit(&rig->broker, &submission, on_submitted, &job, &refusal), 0);
    RIG_WAIT(rig, job);
    return job;
}

static const struct job *train_in_vain(struct rig *rig, struct peer *peer)
{
    const struct job *job = train(rig);
    char text[256];
    peer_expect(peer, "SERVER TRAIN");
    snprintf(text, sizeof text, "{\"type\": \"TRAINING FAILED\", \"train_key\": \"%s\", \"message\": \"no memory\"}",
             job->train_key);
    peer_say(peer, text);
    peer_expect(peer, "SERVER JOB ACK");
    return job;
}

#define TRAINS "\"train\", \"progress\", \"cancel\", \"option:imageSize\""
#define LEFT_REMOVED "{\"type\": \"MODEL REMOVED\", \"model_name\": \"m\"}"

static void what_a_failed_training_left_is_removed_once(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct removed removed;
    peer_greet_as(&peer, rig, "n", TRAINS ", " ANSWERS);
    peer_inform(&peer, "n", "[]");
    const struct job *job = train(rig);
    peer_expect(&peer, "SERVER TRAIN");
    assert_refused(rig, "m", 409, "model 'm' is being trained");
    char text[256];
    snprintf(text, sizeof text, "{\"type\": \"TRAINING FAILED\", \"train_key\": \"%s\", \"message\": \"no memory\"}",
             job->train_key);
    peer_say(&peer, text);
    peer_expect(&peer, "SERVER JOB ACK");
    train_in_vain(rig, &peer);
    start(rig, &removed, "m");
    expect_remove(&peer, "");
    peer_say(&peer, LEFT_REMOVED);
    assert_answer(rig, &removed, 200, "{\"model\":\"m\",\"removed\":true,\"nodes\":[\"n\"]}");
    assert_refused(rig, "m", 404, "model 'm' not found");
    peer_close(&peer);
}

static void what_it_left_on_a_node_that_is_away_is_removed_later_but_nothing_newer(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct removed removed;
    peer_greet_as(&peer, rig, "n", TRAINS ", " ANSWERS);
    peer_inform(&peer, "n", "[]");
    train_in_vain(rig, &peer);
    peer_leave(&peer, "n");
    start(rig, &removed, "m");
    assert_answer(rig, &removed, 202, "{\"model\":\"m\",\"removed\":false,\"nodes\":[],\"pending\":[\"n\"]}");
    rig_restart(rig);
    peer_greet_as(&peer, rig, "n", TRAINS ", " ANSWERS);
    peer_inform(&peer, "n", "[]");
    expect_remove(&peer, "");
    peer_say(&peer, "{\"type\": \"REMOVE FAILED\", \"model_name\": \"m\", \"message\": \"not now\"}");
    RIG_WAIT(rig, *removals_first(rig->broker.removals)->reason);
    /* A training of the same name writes over it. */
    train_in_vain(rig, &peer);
    model_remove_retry(&rig->broker);
    peer_expect_no(&peer, "SERVER REMOVE");
    assert_null(removals_first(rig->broker.removals));
    peer_close(&peer);
}

static void what_it_left_is_gone_when_a_node_that_knows_no_answer_tells_of_itself(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct removed removed;
    peer_greet_as(&peer, rig, "n", TRAINS ", " OLD);
    peer_inform(&peer, "n", "[]");
    train_in_vain(rig, &peer);
    peer_leave(&peer, "n");
    start(rig, &removed, "m");
    assert_answer(rig, &removed, 202, "{\"model\":\"m\",\"removed\":false,\"nodes\":[],\"pending\":[\"n\"]}");
    peer_greet_as(&peer, rig, "n", TRAINS ", " OLD);
    peer_inform(&peer, "n", "[]");
    expect_remove(&peer, "");
    assert_promised(rig, 1);
    peer_inform(&peer, "n", "[]");
    RIG_WAIT(rig, !removals_first(rig->broker.removals));
    peer_expect_no(&peer, "SERVER REMOVE");
    assert_refused(rig, "m", 404, "model 'm' not found");
    peer_close(&peer);
}

static void a_late_outcome_of_what_was_removed_brings_no_model_back(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct removed removed;
    char text[1024];
    peer_greet_as(&peer, rig, "n", TRAINS ", " ANSWERS);
    peer_inform(&peer, "n", "[]");
    const struct job *job = train(rig);
    peer_expect(&peer, "SERVER TRAIN");
    snprintf(text, sizeof text, "{\"type\": \"TRAINING PROGRESS\", \"train_key\": \"%s\", \"epoch\": 0, \"epochs\": 3}",
             job->train_key);
    peer_say(&peer, text);
    RIG_WAIT(rig, job->state == JOB_RUNNING);
    peer_leave(&peer, "n");
    job_give_up(rig->broker.jobs, jobs_find(rig->broker.jobs, job->id), true, clock_moment(), "was lost");
    jobs_shell_drain(&rig->broker);
    RIG_WAIT(rig, job->state == JOB_FAILED);
    start(rig, &removed, "m");
    assert_answer(rig, &removed, 202, "{\"model\":\"m\",\"removed\":false,\"nodes\":[],\"pending\":[\"n\"]}");
    join(&peer, rig, "n", TRAINS ", " ANSWERS, DIGEST);
    assert_false(node_lists(rig, "n"));
    snprintf(text, sizeof text,
             "{\"type\": \"TRAINING_COMPLETED\", \"name\": \"n\", \"train_key\": \"%s\", \"model_name\": \"m\","
             " \"data\": {}, \"modelInfo\": [{\"name\": \"m\", \"sha256\": \"" DIGEST "\"}]}",
             job->train_key);
    peer_say(&peer, text);
    peer_expect(&peer, "SERVER JOB ACK");
    assert_false(node_lists(rig, "n"));
    assert_false(models_know(rig->broker.models, "m"));
    peer_close(&peer);
}
int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_a_failed_training_left_is_removed_once),
        TEST(what_it_left_on_a_node_that_is_away_is_removed_later_but_nothing_newer),
        TEST(what_it_left_is_gone_when_a_node_that_knows_no_answer_tells_of_itself),
        TEST(a_late_outcome_of_what_was_removed_brings_no_model_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
