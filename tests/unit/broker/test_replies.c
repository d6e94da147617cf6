/* What nodes owe an answer to, and whom a question about a model goes to. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "rig.h"
#include "src/broker/inference_router.h"

#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER_DIGEST "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct answer {
    int count, status; /* 200: data came */
    char text[512];    /* the data's "text" or "sha256", or the reason */
    char asked[NAME_SIZE];
};

static void take_refusal(struct answer *answer, const struct refusal *refusal)
{
    answer->count++;
    answer->status = refusal->status;
    snprintf(answer->text, sizeof answer->text, "%s", refusal->err.text);
}

static void on_reply(void *arg, const cJSON *data, const struct refusal *refusal)
{
    struct answer *answer = arg;
    if (refusal) {
        take_refusal(answer, refusal);
        return;
    }
    answer->count++;
    answer->status = 200;
    snprintf(answer->text, sizeof answer->text, "%s%s", text_of(data, "text"), text_of(data, "sha256"));
}

static void infer(struct rig *rig, struct answer *answer, const char *model, const char *node)
{
    struct inference_request request = { .model = model, .node = node, .image_path = "images/a.png" };
    struct refusal refusal;
    *answer = (struct answer){ 0 };
    if (inference_router_infer(&rig->broker, &request, on_reply, answer, answer->asked, &refusal))
        take_refusal(answer, &refusal);
}

static void report(struct rig *rig, struct answer *answer, const char *node, const char *model)
{
    struct refusal refusal;
    *answer = (struct answer){ 0 };
    if (inference_router_report(&rig->broker, node, model, on_reply, answer, &refusal))
        take_refusal(answer, &refusal);
}

static void push(struct rig *rig, struct answer *answer, const char *model, const char *node)
{
    struct refusal refusal;
    *answer = (struct answer){ 0 };
    if (inference_router_push(&rig->broker, model, node, on_reply, answer, &refusal))
        take_refusal(answer, &refusal);
}

static void assert_refused(const struct answer *answer, int status, const char *text)
{
    assert_int_equal(answer->count, 1);
    assert_int_equal(answer->status, status);
    assert_string_equal(answer->text, text);
}

/* A node that holds the model "m", of that digest. */
static void join(struct peer *peer, struct rig *rig, const char *name, const char *features, const char *digest)
{
    peer_greet_as(peer, rig, name, features);
    peer_inform_model(peer, name, "m", digest);
    RIG_WAIT(rig, registry_find(rig->broker.registry, name) && registry_find(rig->broker.registry, name)->ready);
}

/* Hears what is asked and says what is printed with its key. */
static void answer_inference(struct peer *peer, const char *format)
{
    char text[512];
    cJSON *msg = peer_hear(peer, "SERVER INFERENCE");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, format, text_of(msg, "inference_key"));
#pragma GCC diagnostic pop
    cJSON_Delete(msg);
    peer_say(peer, text);
}

#define REPORT "{\"type\": \"JSON_RESPONSE\", \"inference_key\": \"%s\", \"data\": {\"text\": \"cow\"}}"
#define FAILED "{\"type\": \"ERROR\", \"inference_key\": \"%s\", \"message\": \"no such image\"}"

static void an_inference_is_answered_once_by_its_key(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer first, second;
    join(&peer, rig, "n", "\"infer\"", DIGEST);
    const struct node *node = registry_find(rig->broker.registry, "n");
    infer(rig, &first, "m", NULL);
    infer(rig, &second, NULL, "n");
    assert_int_equal(node->pending, 2);
    answer_inference(&peer, REPORT);
    RIG_WAIT(rig, first.count);
    assert_int_equal(first.status, 200);
    assert_string_equal(first.text, "cow");
    assert_int_equal(second.count, 0);
    answer_inference(&peer, FAILED);
    RIG_WAIT(rig, second.count);
    assert_refused(&second, 502, "no such image");
    assert_int_equal(first.count, 1);
    assert_int_equal(node->pending, 0);
    peer_close(&peer);
}

static void what_a_node_owes_ends_when_it_goes(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answers[3];
    join(&peer, rig, "n", "\"infer\", \"push\"", DIGEST);
    infer(rig, &answers[0], "m", NULL);
    report(rig, &answers[1], "n", "m");
    push(rig, &answers[2], "m", NULL);
    peer_leave(&peer, "n");
    for (int i = 0; i < 3; i++)
        assert_refused(&answers[i], 502, "node 'n' was lost");
}

static void the_least_busy_node_of_one_digest_is_asked(void **state)
{
    struct rig *rig = *state;
    struct peer a, b;
    struct answer first, second;
    join(&a, rig, "a", "\"infer\"", DIGEST);
    join(&b, rig, "b", "\"infer\"", DIGEST);
    infer(rig, &first, "m", NULL);
    infer(rig, &second, "m", NULL);
    assert_string_equal(first.asked, "a");
    assert_string_equal(second.asked, "b");
    answer_inference(&a, REPORT);
    answer_inference(&b, REPORT);
    RIG_WAIT(rig, first.count && second.count);
    peer_close(&a);
    peer_close(&b);
}

static void a_question_that_no_node_can_answer_is_refused_by_name(void **state)
{
    struct rig *rig = *state;
    struct peer a, b;
    struct answer answer;
    infer(rig, &answer, NULL, NULL);
    assert_refused(&answer, 404, "no node has a model yet");
    assert_string_equal(answer.asked, "");
    join(&a, rig, "a", "\"infer\"", DIGEST);
    infer(rig, &answer, "other", NULL);
    assert_refused(&answer, 404, "no connected node has a model 'other'");
    infer(rig, &answer, "other", "a");
    assert_refused(&answer, 404, "node 'a' has no model 'other'");
    infer(rig, &answer, "m", "c");
    assert_refused(&answer, 404, "Node 'c' not found");
    report(rig, &answer, "c", "m");
    assert_refused(&answer, 404, "Node 'c' not found");
    push(rig, &answer, "m", NULL);
    assert_refused(&answer, 409, "node 'a' cannot upload a model");
    join(&b, rig, "b", "\"infer\"", OTHER_DIGEST);
    infer(rig, &answer, "m", NULL);
    assert_refused(&answer, 409, "nodes hold different models named 'm': name the node");
    peer_close(&a);
    peer_close(&b);
}

static void a_model_on_its_way_is_not_asked_for_again(void **state)
{
    struct rig *rig = *state;
    struct peer a, b;
    struct answer first, second;
    join(&a, rig, "a", "\"push\"", DIGEST);
    join(&b, rig, "b", "\"push\"", DIGEST);
    push(rig, &first, "m", NULL);
    push(rig, &second, "m", "b");
    peer_expect(&a, "SERVER PUSH");
    peer_expect_no(&b, "SERVER PUSH");
    pending_replies_blob_complete(rig->broker.pending_replies, OTHER_DIGEST);
    assert_int_equal(first.count + second.count, 0);
    pending_replies_blob_complete(rig->broker.pending_replies, DIGEST);
    assert_int_equal(first.status, 200);
    assert_string_equal(second.text, DIGEST);
    pending_replies_blob_complete(rig->broker.pending_replies, DIGEST);
    assert_int_equal(first.count + second.count, 2);
    /* It is over: who comes now has it pushed anew. */
    push(rig, &first, "m", NULL);
    peer_expect(&a, "SERVER PUSH");
    peer_close(&a);
    peer_close(&b);
}

static void a_push_that_failed_is_told_to_all_who_wait(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer first, second, other;
    join(&peer, rig, "n", "\"push\"", DIGEST);
    push(rig, &first, "m", NULL);
    push(rig, &second, "m", NULL);
    report(rig, &other, "n", "m2");
    peer_say(&peer, "{\"type\": \"ERROR\", \"json_name\": \"m\", \"message\": \"the disk is gone\"}");
    RIG_WAIT(rig, first.count && second.count);
    assert_refused(&first, 502, "the disk is gone");
    assert_refused(&second, 502, "the disk is gone");
    assert_int_equal(other.count, 0);
    peer_close(&peer);
}

static void a_report_that_is_missing_is_a_404(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer;
    join(&peer, rig, "n", "", DIGEST);
    report(rig, &answer, "n", "m");
    peer_expect(&peer, "GET_JSON");
    peer_say(&peer, "{\"type\": \"ERROR\", \"json_name\": \"m\", \"message\": \"File not found\"}");
    RIG_WAIT(rig, answer.count);
    assert_refused(&answer, 404, "File not found");
    peer_close(&peer);
}

/* Asks for what is in the dataset of "n", and has the node hear it: its key. */
static void view(struct rig *rig, struct peer *peer, struct answer *answer, char key[NAME_SIZE])
{
    struct refusal refusal;
    *answer = (struct answer){ 0 };
    assert_int_equal(inference_router_dataset(&rig->broker, "n", on_reply, answer, &refusal), 0);
    cJSON *msg = peer_hear(peer, "GET_DATASET");
    snprintf(key, NAME_SIZE, "%s", text_of(msg, "view_key"));
    cJSON_Delete(msg);
}

static void say_view(struct peer *peer, const char *type, const char *key, const char *rest)
{
    char text[512];
    snprintf(text, sizeof text, "{\"type\": \"%s\", \"view_key\": \"%s\", %s}", type, key, rest);
    peer_say(peer, text);
}

static void a_view_is_answered_by_its_key_with_the_status_that_the_node_gives(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer, second;
    char key[NAME_SIZE], other[NAME_SIZE];
    join(&peer, rig, "n", "\"thumbnails\"", DIGEST);
    view(rig, &peer, &answer, key);
    view(rig, &peer, &second, other);
    assert_string_not_equal(key, other);
    say_view(&peer, "VIEW", "view:7", "\"data\": {}");
    say_view(&peer, "VIEW", other, "\"data\": {\"text\": \"two classes\"}");
    RIG_WAIT(rig, second.count);
    assert_int_equal(second.status, 200);
    assert_string_equal(second.text, "two classes");
    assert_int_equal(answer.count, 0);
    say_view(&peer, "VIEW FAILED", key, "\"status\": 404, \"message\": \"no dataset yet\"");
    RIG_WAIT(rig, answer.count);
    assert_refused(&answer, 404, "no dataset yet");
    view(rig, &peer, &answer, key);
    say_view(&peer, "VIEW FAILED", key, "\"message\": \"it crashed\"");
    RIG_WAIT(rig, answer.count);
    assert_refused(&answer, 502, "it crashed");
    view(rig, &peer, &answer, key);
    peer_close(&peer);
    RIG_WAIT(rig, answer.count);
    assert_refused(&answer, 502, "node 'n' was lost");
}

static void who_shows_nothing_is_not_asked(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct refusal refusal;
    struct answers_request answers = { .model = "m", .limit = 1 };
    struct image_request image = { .node = "n", .split = "test", .width = 64 };
    char asked[NAME_SIZE];
    join(&peer, rig, "n", "\"infer\"", DIGEST);
    assert_int_equal(inference_router_dataset(&rig->broker, "n", on_reply, NULL, &refusal), -1);
    assert_int_equal(refusal.status, 409);
    assert_int_equal(inference_router_image(&rig->broker, &image, on_reply, NULL, &refusal), -1);
    assert_int_equal(refusal.status, 409);
    assert_int_equal(inference_router_answers(&rig->broker, &answers, on_reply, NULL, asked, &refusal), -1);
    assert_int_equal(refusal.status, 409);
    assert_int_equal(inference_router_dataset(&rig->broker, "nobody", on_reply, NULL, &refusal), -1);
    assert_int_equal(refusal.status, 404);
    peer_close(&peer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_inference_is_answered_once_by_its_key),
        TEST(what_a_node_owes_ends_when_it_goes),
        TEST(the_least_busy_node_of_one_digest_is_asked),
        TEST(a_question_that_no_node_can_answer_is_refused_by_name),
        TEST(a_model_on_its_way_is_not_asked_for_again),
        TEST(a_push_that_failed_is_told_to_all_who_wait),
        TEST(a_report_that_is_missing_is_a_404),
        TEST(a_view_is_answered_by_its_key_with_the_status_that_the_node_gives),
        TEST(who_shows_nothing_is_not_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
