/* A training is asked for: what is refused, and when it is acknowledged. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "job_rig.h"

static void a_job_is_acknowledged_when_it_is_stored_and_not_before(void **state)
{
    struct rig *rig = *state;
    struct answer answer;
    ask(rig, &answer, "m", NULL, NULL, NULL);
    assert_int_equal(answer.count, 0);
    assert_null(jobs_oldest(rig->broker.jobs));
    RIG_WAIT(rig, answer.count);
    assert_int_equal(answer.status, 202);
    rig_restart(rig);
    const struct job *job = jobs_find(rig->broker.jobs, answer.id);
    assert_non_null(job);
    assert_int_equal(job->state, JOB_QUEUED);
    assert_string_equal(job->model_name, "m");
}

static void jobs_on_their_way_to_the_store_hold_their_names(void **state)
{
    struct rig *rig = *state;
    struct answer first, second, third, fourth;
    ask(rig, &first, NULL, NULL, NULL, NULL);
    ask(rig, &second, NULL, NULL, NULL, NULL);
    ask(rig, &third, "m", NULL, NULL, NULL);
    ask(rig, &fourth, "m", NULL, NULL, NULL);
    RIG_WAIT(rig, first.count && second.count && third.count && fourth.count);
    assert_string_equal(first.model, "resnet-1");
    assert_string_equal(second.model, "resnet-2");
    assert_int_equal(third.status, 202);
    assert_int_equal(fourth.status, 409);
    assert_non_null(strstr(fourth.error, "'m'"));
}

static void the_default_name_is_none_that_a_node_has(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer;
    peer_register(&peer, rig, "n");
    peer_say(&peer, "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"resnet-1\"]}");
    RIG_WAIT(rig, models_know(rig->broker.models, "resnet-1"));
    ask(rig, &answer, NULL, NULL, NULL, NULL);
    RIG_WAIT(rig, answer.count);
    assert_string_equal(answer.model, "resnet-2");
    peer_close(&peer);
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer;
    peer_register(&peer, rig, "n");
    ask(rig, &answer, "m", "nobody", NULL, NULL);
    assert_int_equal(answer.status, 404);
    assert_string_equal(answer.error, "Node 'nobody' not found");
    ask(rig, &answer, "../m", NULL, NULL, NULL);
    assert_int_equal(answer.status, 400);
    ask(rig, &answer, "m", "n", "seed", "1");
    assert_int_equal(answer.status, 409);
    assert_non_null(strstr(answer.error, "seed"));
    ask(rig, &answer, "m", "n", "imageSize", "64");
    RIG_WAIT(rig, answer.count);
    assert_int_equal(answer.status, 202);
    peer_close(&peer);
}

static void a_type_that_nobody_offers_is_refused_with_what_they_offer(void **state)
{
    struct rig *rig = *state;
    struct peer peer, legacy;
    struct answer answer;
    peer_greet_with(&peer, rig, "n", "\"type:resnet\", \"type:vit\"");
    peer_register_legacy(&legacy, rig, "old");
    ask_type(rig, &answer, "alexnet", NULL);
    assert_int_equal(answer.status, 409);
    assert_string_equal(answer.error, "no node offers 'alexnet': they offer resnet, vit, mobilenet, efficientnet");
    ask_type(rig, &answer, "vit", "old");
    assert_int_equal(answer.status, 409);
    assert_string_equal(answer.error, "node 'old' does not offer 'vit': it offers resnet, mobilenet, efficientnet");
    peer_leave(&peer, "n");
    ask_type(rig, &answer, "vit", NULL);
    RIG_WAIT(rig, answer.count);
    assert_int_equal(answer.status, 202);
    assert_string_equal(jobs_find(rig->broker.jobs, answer.id)->reason, "waits for a node that offers 'vit'");
    peer_close(&legacy);
}

/* Starting */

static void while_no_node_has_come_any_type_waits_and_then_for_one_that_offers_it(void **state)
{
    struct rig *rig = *state;
    struct peer other, peer;
    struct answer answer;
    ask_type(rig, &answer, "vit", NULL);
    RIG_WAIT(rig, answer.count);
    assert_int_equal(answer.status, 202);
    const struct job *job = jobs_find(rig->broker.jobs, answer.id);
    assert_string_equal(job->reason, "waits for a node: none has connected yet");
    peer_register(&other, rig, "a");
    peer_expect_no(&other, "SERVER TRAIN");
    assert_string_equal(job->reason, "waits for a node that offers 'vit'");
    peer_greet_with(&peer, rig, "b", "\"type:vit\"");
    peer_inform(&peer, "b", "[]");
    hear_train(&peer, job);
    peer_close(&other);
    peer_close(&peer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_job_is_acknowledged_when_it_is_stored_and_not_before),
        TEST(jobs_on_their_way_to_the_store_hold_their_names),
        TEST(the_default_name_is_none_that_a_node_has),
        TEST(what_cannot_be_is_refused_by_name),
        TEST(a_type_that_nobody_offers_is_refused_with_what_they_offer),
        TEST(while_no_node_has_come_any_type_waits_and_then_for_one_that_offers_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
