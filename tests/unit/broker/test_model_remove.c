/* How a model is deleted: who is asked, what counts as an answer, and what is kept for nodes that are away. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>

#include "removal_rig.h"

static void a_model_is_gone_when_each_node_has_said_so(void **state)
{
    struct rig *rig = *state;
    struct peer a, b;
    struct removed removed;
    join(&a, rig, "a", ANSWERS, DIGEST);
    join(&b, rig, "b", ANSWERS, OTHER_DIGEST);
    assert_refused(rig, "other", 404, "model 'other' not found");
    start(rig, &removed, "m");
    expect_remove(&a, DIGEST);
    expect_remove(&b, OTHER_DIGEST);
    assert_refused(rig, "m", 409, "model 'm' is being removed already");
    peer_say(&a, REMOVED);
    RIG_WAIT(rig, !node_lists(rig, "a"));
    assert_true(node_lists(rig, "b"));
    assert_int_equal(removed.count, 0);
    /* What nobody waits for changes nothing. */
    peer_say(&b, REMOVED);
    rig_turn_for(rig, 100);
    assert_int_equal(removed.count, 0);
    peer_say(&b, "{\"type\": \"MODEL REMOVED\", \"model_name\": \"m\", \"modelSha256\": \"" OTHER_DIGEST "\"}");
    assert_answer(rig, &removed, 200, "{\"model\":\"m\",\"removed\":true,\"nodes\":[\"a\",\"b\"]}");
    assert_false(models_know(rig->broker.models, "m"));
    assert_refused(rig, "m", 404, "model 'm' not found");
    peer_close(&a);
    peer_close(&b);
}

static void a_refusal_is_an_error_with_the_node_and_its_reason(void **state)
{
    struct rig *rig = *state;
    struct peer a, b;
    struct removed removed;
    join(&a, rig, "a", ANSWERS, DIGEST);
    join(&b, rig, "b", ANSWERS, DIGEST);
    start(rig, &removed, "m");
    expect_remove(&a, DIGEST);
    peer_say(&a, REMOVED);
    expect_remove(&b, DIGEST);
    peer_say(&b, NOT_REMOVED "\"cannot remove model 'm': Read-only file system\"}");
    assert_answer(
        rig, &removed, 502,
        "{\"model\":\"m\",\"removed\":false,\"error\":\"node 'b' did not remove model 'm': cannot remove model "
        "'m': Read-only file system; it is removed at 'a'\",\"nodes\":[\"a\"],\"failed\":[{\"node\":\"b\","
        "\"reason\":\"cannot remove model 'm': Read-only file system\"}]}");
    assert_true(node_lists(rig, "b"));
    assert_true(models_know(rig->broker.models, "m"));
    assert_promised(rig, 0);
    /* Nothing of it is kept: the node is not asked when it comes back. */
    peer_leave(&b, "b");
    join(&b, rig, "b", ANSWERS, DIGEST);
    peer_expect_no(&b, "SERVER REMOVE");
    assert_true(node_lists(rig, "b"));
    peer_close(&a);
    peer_close(&b);
}

static void a_node_that_knows_no_answer_gives_it_by_its_models(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct removed removed;
    join(&peer, rig, "n", OLD, DIGEST);
    start(rig, &removed, "m");
    expect_remove(&peer, ""); /* which it would not heed */
    peer_say(&peer, "{\"type\": \"ERROR\", \"json_name\": \"m\", \"message\": \"model 'm' is being trained\"}");
    assert_answer(
        rig, &removed, 502,
        "{\"model\":\"m\",\"removed\":false,\"error\":\"node 'n' did not remove model 'm': model 'm' is being "
        "trained\",\"nodes\":[],\"failed\":[{\"node\":\"n\",\"reason\":\"model 'm' is being trained\"}]}");
    start(rig, &removed, "m");
    expect_remove(&peer, "");
    inform(&peer, "n", DIGEST); /* it was on its way */
    peer_say(&peer, "{\"type\": \"ERROR\", \"json_name\": \"other\", \"message\": \"not of this\"}");
    rig_turn_for(rig, 100);
    assert_int_equal(removed.count, 0);
    peer_inform(&peer, "n", "[]");
    assert_answer(rig, &removed, 200, "{\"model\":\"m\",\"removed\":true,\"nodes\":[\"n\"]}");
    peer_close(&peer);
}

static void what_was_promised_is_done_when_the_node_is_back(void **state)
{
    struct rig *rig = *state;
    struct peer a, b;
    struct removed removed;
    join(&a, rig, "a", ANSWERS, DIGEST);
    join(&b, rig, "b", ANSWERS, DIGEST);
    peer_leave(&b, "b");
    start(rig, &removed, "m");
    expect_remove(&a, DIGEST);
    peer_say(&a, REMOVED);
    assert_answer(rig, &removed, 202, "{\"model\":\"m\",\"removed\":false,\"nodes\":[\"a\"],\"pending\":[\"b\"]}");
    assert_false(models_know(rig->broker.models, "m"));
    assert_promised(rig, 1);
    /* It may be asked for again, and is promised again. */
    start(rig, &removed, "m");
    assert_answer(rig, &removed, 202, "{\"model\":\"m\",\"removed\":false,\"nodes\":[],\"pending\":[\"b\"]}");
    peer_close(&a);
    rig_restart(rig);
    assert_promised(rig, 1);
    assert_false(models_know(rig->broker.models, "m"));
    join(&b, rig, "b", ANSWERS, DIGEST);
    assert_false(node_lists(rig, "b"));
    assert_false(models_know(rig->broker.models, "m"));
    expect_remove(&b, DIGEST);
    peer_say(&b, "{\"type\": \"NEW MODEL ADDED\", \"name\": \"b\", \"new_model\": \"m\", \"models\": [\"m\"],"
                 " \"modelInfo\": [{\"name\": \"m\", \"sha256\": \"" DIGEST "\"}]}");
    rig_turn_for(rig, 100);
    assert_false(node_lists(rig, "b"));
    /* It is lost in between: it is asked again. */
    peer_leave(&b, "b");
    join(&b, rig, "b", ANSWERS, DIGEST);
    expect_remove(&b, DIGEST);
    assert_promised(rig, 1);
    peer_say(&b, REMOVED);
    RIG_WAIT(rig, !removals_first(rig->broker.removals));
    assert_refused(rig, "m", 404, "model 'm' not found");
    /* From then on a model of those bytes is a model. */
    peer_leave(&b, "b");
    rig_restart(rig);
    join(&b, rig, "b", ANSWERS, DIGEST);
    assert_true(node_lists(rig, "b"));
    peer_expect_no(&b, "SERVER REMOVE");
    peer_close(&b);
}

static void a_new_model_of_the_name_stays(void **state)
{
    struct rig *rig = *state;
    struct peer a, b;
    struct removed removed;
    join(&a, rig, "a", ANSWERS, DIGEST);
    join(&b, rig, "b", OLD, DIGEST);
    peer_leave(&a, "a");
    peer_leave(&b, "b");
    start(rig, &removed, "m");
    assert_answer(rig, &removed, 202, "{\"model\":\"m\",\"removed\":false,\"nodes\":[],\"pending\":[\"a\",\"b\"]}");
    join(&a, rig, "a", ANSWERS, OTHER_DIGEST);
    assert_true(node_lists(rig, "a"));
    assert_string_equal(models_digest(rig->broker.models, "m", NULL), OTHER_DIGEST);
    expect_remove(&a, DIGEST); /* which leaves it the other */
    peer_say(&a, REMOVED);
    /* A node that heeds no digest is not asked. */
    join(&b, rig, "b", OLD, OTHER_DIGEST);
    peer_expect_no(&b, "SERVER REMOVE");
    assert_null(removals_first(rig->broker.removals));
    assert_true(node_lists(rig, "a"));
    assert_true(node_lists(rig, "b"));
    peer_close(&a);
    peer_close(&b);
}

static bool model_is_stored(const struct rig *rig, const char *sha256)
{
    const struct model *model = models_first_of(rig->broker.models, "m");
    while (model && strcmp(model->sha256, sha256))
        model = models_next_of(model);
    return model && model->shown;
}

static void an_older_model_of_a_node_that_is_away_is_not_listed_but_removed_too(void **state)
{
    struct rig *rig = *state;
    struct peer a, b;
    struct removed removed;
    join(&b, rig, "b", ANSWERS, DIGEST);
    peer_leave(&b, "b");
    peer_greet_as(&a, rig, "a", ANSWERS);
    peer_inform(&a, "a", "[]");
    RIG_WAIT(rig, is_ready(rig, "a"));
    models_completed(rig->broker.models, "m", OTHER_DIGEST, NULL, "", "a", 7);
    RIG_WAIT(rig, model_is_stored(rig, OTHER_DIGEST));
    cJSON *json = models_json(rig->broker.models);
    const cJSON *list = cJSON_GetObjectItem(json, "models");
    assert_int_equal(cJSON_GetArraySize(list), 1);
    assert_string_equal(text_of(cJSON_GetArrayItem(list, 0), "sha256"), OTHER_DIGEST);
    cJSON_Delete(json);
    inform(&a, "a", OTHER_DIGEST);
    RIG_WAIT(rig, node_lists(rig, "a"));
    start(rig, &removed, "m");
    expect_remove(&a, OTHER_DIGEST);
    peer_say(&a, "{\"type\": \"MODEL REMOVED\", \"model_name\": \"m\", \"modelSha256\": \"" OTHER_DIGEST "\"}");
    assert_answer(rig, &removed, 202, "{\"model\":\"m\",\"removed\":false,\"nodes\":[\"a\"],\"pending\":[\"b\"]}");
    peer_close(&a);
}

static void a_legacy_node_of_that_name_keeps_what_it_has(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct removed removed;
    join(&peer, rig, "n", ANSWERS, DIGEST);
    peer_leave(&peer, "n");
    start(rig, &removed, "m");
    assert_answer(rig, &removed, 202, "{\"model\":\"m\",\"removed\":false,\"nodes\":[],\"pending\":[\"n\"]}");
    peer_open(&peer, rig);
    peer_say(&peer, "{\"type\": \"CLIENT CONNECT\", \"name\": \"n\"}\n"
                    "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\"]}");
    RIG_WAIT(rig, is_ready(rig, "n"));
    peer_expect_no(&peer, "SERVER REMOVE");
    assert_true(node_lists(rig, "n"));
    assert_promised(rig, 1);
    assert_refused(rig, "m", 409, "node 'n' cannot remove model 'm'");
    peer_leave(&peer, "n");
    join(&peer, rig, "n", ANSWERS, DIGEST);
    expect_remove(&peer, DIGEST);
    peer_close(&peer);
}

static void a_node_that_is_lost_while_it_is_asked_is_one_that_is_away(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct removed removed;
    join(&peer, rig, "n", ANSWERS, DIGEST);
    start(rig, &removed, "m");
    expect_remove(&peer, DIGEST);
    peer_leave(&peer, "n");
    assert_answer(rig, &removed, 202, "{\"model\":\"m\",\"removed\":false,\"nodes\":[],\"pending\":[\"n\"]}");
    assert_false(models_know(rig->broker.models, "m"));
    /* It had done it, and tells so when it is asked again. */
    peer_greet_as(&peer, rig, "n", ANSWERS);
    peer_inform(&peer, "n", "[]");
    expect_remove(&peer, DIGEST);
    peer_say(&peer, REMOVED);
    RIG_WAIT(rig, !removals_first(rig->broker.removals));
    peer_close(&peer);
}

static void what_was_promised_and_is_refused_stays_hidden_with_its_reason(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct removed removed;
    join(&peer, rig, "n", ANSWERS, DIGEST);
    peer_leave(&peer, "n");
    start(rig, &removed, "m");
    assert_answer(rig, &removed, 202, "{\"model\":\"m\",\"removed\":false,\"nodes\":[],\"pending\":[\"n\"]}");
    join(&peer, rig, "n", ANSWERS, DIGEST);
    expect_remove(&peer, DIGEST);
    peer_say(&peer, NOT_REMOVED "\"no space\"}");
    RIG_WAIT(rig, *removals_first(rig->broker.removals)->reason);
    cJSON *list = removals_json(rig->broker.removals);
    assert_string_equal(text_of(cJSON_GetArrayItem(list, 0), "model"), "m");
    assert_string_equal(text_of(cJSON_GetArrayItem(list, 0), "node"), "n");
    assert_string_equal(text_of(cJSON_GetArrayItem(list, 0), "reason"), "no space");
    cJSON_Delete(list);
    assert_false(node_lists(rig, "n"));
    /* Who asks for it now is told why. */
    start(rig, &removed, "m");
    expect_remove(&peer, DIGEST);
    peer_say(&peer, NOT_REMOVED "\"still no space\"}");
    assert_answer(rig, &removed, 502,
                  "{\"model\":\"m\",\"removed\":false,\"error\":\"node 'n' did not remove model 'm': still no space\","
                  "\"nodes\":[],\"failed\":[{\"node\":\"n\",\"reason\":\"still no space\"}]}");
    assert_promised(rig, 1);
    model_remove_retry(&rig->broker);
    expect_remove(&peer, DIGEST);
    peer_say(&peer, REMOVED);
    RIG_WAIT(rig, !removals_first(rig->broker.removals));
    peer_close(&peer);
}

static void promise(struct rig *rig, struct peer *peer)
{
    struct removed removed;
    join(peer, rig, "n", ANSWERS, DIGEST);
    peer_leave(peer, "n");
    start(rig, &removed, "m");
    assert_answer(rig, &removed, 202, "{\"model\":\"m\",\"removed\":false,\"nodes\":[],\"pending\":[\"n\"]}");
    join(peer, rig, "n", ANSWERS, DIGEST);
    expect_remove(peer, DIGEST);
}

/* What the node says is handled at once, before the loop turns again. */
static void node_answers(struct rig *rig, const char *text)
{
    struct err err = ERR_INIT;
    struct msg msg;
    if (msg_decode(&msg, text, strlen(text), &err))
        fail_msg("%s", err.text);
    model_remove_answer(&rig->broker, registry_find(rig->broker.registry, "n"), &msg);
    msg_release(&msg);
}

static void what_a_node_says_while_a_second_deletion_is_being_stored_is_its_answer(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct removed removed;
    promise(rig, &peer);
    start(rig, &removed, "m");
    node_answers(rig, NOT_REMOVED "\"no space\"}");
    assert_int_equal(removed.count, 0); /* not yet stored */
    assert_answer(rig, &removed, 502,
                  "{\"model\":\"m\",\"removed\":false,\"error\":\"node 'n' did not remove model 'm': no space\","
                  "\"nodes\":[],\"failed\":[{\"node\":\"n\",\"reason\":\"no space\"}]}");
    model_remove_retry(&rig->broker);
    expect_remove(&peer, DIGEST);
    start(rig, &removed, "m");
    model_remove_node_gone(&rig->broker, "n");
    assert_int_equal(removed.count, 0);
    assert_answer(rig, &removed, 202, "{\"model\":\"m\",\"removed\":false,\"nodes\":[],\"pending\":[\"n\"]}");
    inform(&peer, "n", DIGEST);
    expect_remove(&peer, DIGEST);
    start(rig, &removed, "m");
    node_answers(rig, REMOVED);
    assert_int_equal(removed.count, 0);
    assert_answer(rig, &removed, 200, "{\"model\":\"m\",\"removed\":true,\"nodes\":[\"n\"]}");
    assert_promised(rig, 0);
    peer_close(&peer);
}

static void a_promised_removal_whose_answer_was_lost_is_asked_for_at_a_later_word_of_the_node(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    promise(rig, &peer);
    inform(&peer, "n", DIGEST);
    peer_expect_no(&peer, "SERVER REMOVE"); /* its answer may be on its way */
    removals_first(rig->broker.removals)->asked_ms -= MODEL_REMOVE_MS;
    inform(&peer, "n", DIGEST);
    expect_remove(&peer, DIGEST);
    assert_promised(rig, 1);
    peer_say(&peer, REMOVED);
    RIG_WAIT(rig, !removals_first(rig->broker.removals));
    peer_close(&peer);
}

#define TWO_MODELS                                                                                                     \
    "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\", \"other\"], \"modelInfo\": ["                      \
    "{\"name\": \"m\", \"sha256\": \"" DIGEST "\"}, {\"name\": \"other\", \"sha256\": \"" OTHER_DIGEST                 \
    "\"}], \"jobs\": []}"

static void what_a_node_tells_beside_one_answer_asks_for_no_other_again(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct removed removed, other;
    peer_greet_as(&peer, rig, "n", ANSWERS);
    peer_say(&peer, TWO_MODELS);
    RIG_WAIT(rig, is_ready(rig, "n"));
    peer_leave(&peer, "n");
    start(rig, &removed, "m");
    start(rig, &other, "other");
    RIG_WAIT(rig, removed.count && other.count);
    assert_promised(rig, 2);
    peer_greet_as(&peer, rig, "n", ANSWERS);
    peer_say(&peer, TWO_MODELS);
    expect_remove(&peer, DIGEST);
    peer_expect(&peer, "SERVER REMOVE");
    peer_say(&peer, NOT_REMOVED "\"no space\"}");
    peer_say(&peer, TWO_MODELS);
    peer_expect_no(&peer, "SERVER REMOVE");
    assert_promised(rig, 2);
    /* It comes back, and what was refused is asked for at once. */
    peer_leave(&peer, "n");
    peer_greet_as(&peer, rig, "n", ANSWERS);
    peer_say(&peer, TWO_MODELS);
    expect_remove(&peer, DIGEST);
    peer_expect(&peer, "SERVER REMOVE");
    peer_say(&peer, REMOVED);
    peer_say(&peer, TWO_MODELS);
    peer_expect_no(&peer, "SERVER REMOVE");
    assert_promised(rig, 1);
    peer_say(&peer, "{\"type\": \"MODEL REMOVED\", \"model_name\": \"other\", \"modelSha256\": \"" OTHER_DIGEST "\"}");
    RIG_WAIT(rig, !removals_first(rig->broker.removals));
    peer_close(&peer);
}

static void a_model_stays_where_a_node_cannot_remove_it(void **state)
{
    struct rig *rig = *state;
    struct peer a, b;
    join(&a, rig, "a", ANSWERS, DIGEST);
    join(&b, rig, "b", "", DIGEST);
    assert_refused(rig, "m", 409, "node 'b' cannot remove model 'm'");
    peer_expect_no(&a, "SERVER REMOVE");
    peer_close(&a);
    peer_close(&b);
}

/* What is written from now on fails. */
static void limit_files(struct rlimit *before, bool on)
{
    struct rlimit none = { 1, RLIM_INFINITY };
    if (on)
        assert_int_equal(getrlimit(RLIMIT_FSIZE, before), 0);
    none.rlim_max = before->rlim_max;
    signal(SIGXFSZ, on ? SIG_IGN : SIG_DFL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, on ? &none : before), 0);
}

static void what_cannot_be_stored_is_told_to_no_node(void **state)
{
    struct rig *rig = *state;
    struct peer a, b;
    struct removed removed;
    struct rlimit limit;
    join(&a, rig, "a", ANSWERS, DIGEST);
    join(&b, rig, "b", ANSWERS, DIGEST);
    peer_leave(&b, "b");
    limit_files(&limit, true);
    start(rig, &removed, "m");
    RIG_WAIT(rig, removed.count);
    limit_files(&limit, false);
    assert_answer(rig, &removed, 500, "{\"error\":\"the removal could not be stored\"}");
    peer_expect_no(&a, "SERVER REMOVE");
    assert_null(removals_first(rig->broker.removals));
    assert_true(node_lists(rig, "a"));
    peer_close(&a);
}

static void of_too_many_removals_the_oldest_makes_place_but_none_that_is_waited_for(void **state)
{
    struct rig *rig = *state;
    struct removals *removals = rig->broker.removals;
    struct removal *first = removals_add(removals, "first", "m", DIGEST, "", NULL);
    struct removal *second = removals_add(removals, "second", "m", DIGEST, "", NULL);
    char name[NAME_SIZE];
    assert_non_null(first);
    assert_non_null(second);
    first->state = REMOVAL_ASKED;
    second->state = REMOVAL_WAITING;
    for (int i = 2; i < REMOVALS_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        assert_non_null(removals_add(removals, name, "m", DIGEST, "", NULL));
    }
    assert_non_null(removals_find(removals, "second", "m", DIGEST));
    assert_non_null(removals_add(removals, "last", "m", DIGEST, "", NULL));
    assert_null(removals_find(removals, "second", "m", DIGEST));
    assert_ptr_equal(removals_find(removals, "first", "m", DIGEST), first);
    assert_non_null(removals_find(removals, "n2", "m", DIGEST));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_model_is_gone_when_each_node_has_said_so),
        TEST(a_refusal_is_an_error_with_the_node_and_its_reason),
        TEST(a_node_that_knows_no_answer_gives_it_by_its_models),
        TEST(what_was_promised_is_done_when_the_node_is_back),
        TEST(a_new_model_of_the_name_stays),
        TEST(an_older_model_of_a_node_that_is_away_is_not_listed_but_removed_too),
        TEST(a_legacy_node_of_that_name_keeps_what_it_has),
        TEST(a_node_that_is_lost_while_it_is_asked_is_one_that_is_away),
        TEST(what_was_promised_and_is_refused_stays_hidden_with_its_reason),
        TEST(what_a_node_says_while_a_second_deletion_is_being_stored_is_its_answer),
        TEST(a_promised_removal_whose_answer_was_lost_is_asked_for_at_a_later_word_of_the_node),
        TEST(what_a_node_tells_beside_one_answer_asks_for_no_other_again),
        TEST(a_model_stays_where_a_node_cannot_remove_it),
        TEST(what_cannot_be_stored_is_told_to_no_node),
        TEST(of_too_many_removals_the_oldest_makes_place_but_none_that_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
