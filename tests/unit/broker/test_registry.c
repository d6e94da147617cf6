/* The table of nodes: what they told, what they lack, how they are listed, what changed. It is pure. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/broker/registry.h"
#include "tests/shim/memory.h"

#define DIGEST_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static int setup(void **state)
{
    *state = registry_new();
    assert_non_null(*state);
    return 0;
}

static int teardown(void **state)
{
    registry_free(*state);
    return 0;
}

static void decode(struct msg *msg, const char *text)
{
    struct err err = ERR_INIT;
    if (msg_decode(msg, text, strlen(text), &err))
        fail_msg("%s", err.text);
}

static struct node *add(struct registry *registry, const char *text)
{
    struct msg msg;
    decode(&msg, text);
    struct node *node = registry_prepare(registry, &msg, "");
    msg_release(&msg);
    assert_non_null(node);
    registry_enter(registry, node, NULL);
    return node;
}

static struct node *add_dcls(struct registry *registry, const char *name)
{
    char text[256];
    snprintf(text, sizeof text,
             "{\"type\": \"CLIENT CONNECT\", \"name\": \"%s\", \"protocol\": 1, \"version\": \"0.1\","
             " \"features\": [\"train\", \"option:seed\"], \"cores\": 2, \"cpu\": \"x\"}",
             name);
    return add(registry, text);
}

static void inform(struct registry *registry, struct node *node, const char *text)
{
    struct msg msg;
    decode(&msg, text);
    assert_int_equal(node_set_info(registry, node, &msg), 0);
    msg_release(&msg);
}

static void assert_printed(cJSON *object, const char *text)
{
    char *printed = cJSON_PrintUnformatted(object);
    assert_string_equal(printed, text);
    cJSON_free(printed);
    cJSON_Delete(object);
}

static void a_legacy_node_is_listed_as_the_existing_broker_does(void **state)
{
    struct registry *registry = *state;
    struct node *node = add(registry, "{\"type\": \"CLIENT CONNECT\", \"name\": \"node0\"}");
    inform(registry, node, "{\"type\": \"NODE INFO\", \"name\": \"node0\", \"models\": [\"m1\", \"m2\"]}");
    assert_true(node_is_legacy(node));
    assert_printed(registry_json(registry), "{\"nodes\":[{\"name\":\"node0\",\"models\":[\"m1\", \"m2\"]}]}");
}

static void the_models_shown_are_those_it_has_now(void **state)
{
    struct registry *registry = *state;
    struct node *node = add(registry, "{\"type\": \"CLIENT CONNECT\", \"name\": \"n\"}");
    assert_printed(node_json(node), "{\"name\":\"n\",\"models\":[]}");
    inform(registry, node, "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\", \"o\"]}");
    assert_printed(node_json(node), "{\"name\":\"n\",\"models\":[\"m\", \"o\"]}");
    assert_int_equal(node_add_model(registry, node, "a\"b", NULL), 0);
    assert_printed(node_json(node), "{\"name\":\"n\",\"models\":[\"m\", \"o\", \"a\\\"b\"]}");
    node_drop_model(registry, node, "o");
    assert_printed(node_json(node), "{\"name\":\"n\",\"models\":[\"m\", \"a\\\"b\"]}");
    inform(registry, node, "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\"]}");
    assert_printed(node_json(node), "{\"name\":\"n\",\"models\":[\"m\"]}");
}

static void a_dcls_node_is_listed_with_what_it_told_and_runs(void **state)
{
    struct registry *registry = *state;
    struct node *node = add_dcls(registry, "n");
    node_set_job(registry, node, "7");
    assert_printed(node_json(node), "{\"name\":\"n\",\"models\":[],\"protocol\":1,\"version\":\"0.1\",\"cores\":2,"
                                    "\"cpu\":\"x\",\"running\":[\"7\"]}");
}

static void nodes_stand_in_the_order_of_their_coming(void **state)
{
    struct registry *registry = *state;
    struct node *a = add_dcls(registry, "a"), *b = add_dcls(registry, "b"), *c = add_dcls(registry, "c");
    registry_remove(registry, b);
    assert_ptr_equal(registry_first(registry), a);
    assert_ptr_equal(registry_next(a), c);
    assert_null(registry_next(c));
    assert_null(registry_find(registry, "b"));
}

static void a_node_that_tells_of_itself_again_is_known_by_that_alone_and_keeps_its_work(void **state)
{
    struct registry *registry = *state;
    struct node *node = add_dcls(registry, "n");
    inform(registry, node, "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\"]}");
    node_set_job(registry, node, "7");
    node->pending = 3;
    int64_t session = node->session;
    add_dcls(registry, "o");
    assert_true(node->ready);
    struct node *again = add(registry, "{\"type\": \"CLIENT CONNECT\", \"name\": \"n\"}");
    assert_ptr_equal(registry_find(registry, "n"), again);
    assert_ptr_equal(registry_first(registry), again);
    assert_int_equal(registry_count(registry), 2);
    assert_false(again->ready);
    assert_true(node_is_legacy(again));
    assert_false(node_offers(again, "train"));
    assert_false(node_has_model(again, "m"));
    assert_string_equal(again->job, "7");
    assert_int_equal(again->pending, 3);
    assert_int_equal(again->session, session);
}

static void each_connection_has_a_session_of_its_own(void **state)
{
    struct registry *registry = *state;
    int64_t first = add_dcls(registry, "n")->session, second = add_dcls(registry, "o")->session;
    assert_true(first > 0 && second > first);
    registry_remove(registry, registry_find(registry, "n"));
    assert_true(add_dcls(registry, "n")->session > second);
}

static void an_option_that_a_node_lacks_is_named(void **state)
{
    struct registry *registry = *state;
    struct node *node = add_dcls(registry, "n"),
                *legacy = add(registry, "{\"type\": \"CLIENT CONNECT\", \"name\": \"o\"}");
    struct train_options options;
    struct err err = ERR_INIT;
    train_options_init(&options);
    assert_int_equal(train_option_parse(&options, train_option_by_name("epochs"), "3", &err), 0);
    assert_null(node_lacks_option(node, &options));
    assert_null(node_lacks_option(legacy, &options));
    assert_int_equal(train_option_parse(&options, train_option_by_name("seed"), "1", &err), 0);
    assert_null(node_lacks_option(node, &options));
    assert_string_equal(node_lacks_option(legacy, &options), "seed");
    assert_int_equal(train_option_parse(&options, train_option_by_name("imageSize"), "64", &err), 0);
    assert_string_equal(node_lacks_option(node, &options), "imageSize");
}

static void assert_types(const struct strings *types, const char *wanted)
{
    char text[256] = "";
    for (size_t i = 0; i < types->count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", types->items[i]);
    assert_string_equal(text, wanted);
}

static void a_node_trains_the_types_that_it_announces_or_else_the_first_three(void **state)
{
    struct registry *registry = *state;
    assert_types(registry_types(registry), "");
    add(registry, "{\"type\": \"CLIENT CONNECT\", \"name\": \"i\", \"protocol\": 1, \"features\": [\"type:x\"]}");
    assert_types(&registry_find(registry, "i")->types, "");
    assert_types(registry_types(registry), "");
    struct node *told = add(registry, "{\"type\": \"CLIENT CONNECT\", \"name\": \"n\", \"protocol\": 1,"
                                      " \"features\": [\"train\", \"type:resnet\", \"type:vit\"]}");
    assert_types(&told->types, "resnet vit");
    assert_types(&add_dcls(registry, "untold")->types, "resnet mobilenet efficientnet");
    assert_types(&add(registry, "{\"type\": \"CLIENT CONNECT\", \"name\": \"o\"}")->types,
                 "resnet mobilenet efficientnet");
    registry_remove(registry, told);
    assert_types(registry_types(registry), "resnet vit mobilenet efficientnet");
}

static void a_model_trained_again_has_the_new_digest(void **state)
{
    struct registry *registry = *state;
    struct node *node = add_dcls(registry, "n");
    inform(registry, node,
           "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\", \"o\"], \"modelInfo\":"
           " [{\"name\": \"m\", \"sha256\": \"" DIGEST_A "\"}, {\"name\": \"o\", \"sha256\": \"" DIGEST_A "\"}]}");
    assert_string_equal(node_model_sha256(node, "m"), DIGEST_A);
    cJSON *info = cJSON_Parse("{\"name\": \"m\", \"sha256\": \"" DIGEST_B "\"}");
    assert_int_equal(node_add_model(registry, node, "m", info), 0);
    cJSON_Delete(info);
    assert_int_equal(node->models.count, 2);
    assert_string_equal(node_model_sha256(node, "m"), DIGEST_B);
    assert_string_equal(node_model_sha256(node, "o"), DIGEST_A);
    assert_null(node_model_sha256(node, "p"));
}

static void a_dropped_model_is_gone_with_its_digest(void **state)
{
    struct registry *registry = *state;
    struct node *node = add_dcls(registry, "n");
    inform(registry, node,
           "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"l\", \"m\", \"o\"], \"modelInfo\":"
           " [{\"name\": \"m\", \"sha256\": \"" DIGEST_A "\"}]}");
    node_drop_model(registry, node, "m");
    assert_false(node_has_model(node, "m"));
    assert_true(node_has_model(node, "l") && node_has_model(node, "o"));
    assert_null(node_model_sha256(node, "m"));
    node_drop_model(registry, node, "m");
    assert_int_equal(node->models.count, 2);
}

static void node_info_replaces_models_and_dataset(void **state)
{
    struct registry *registry = *state;
    struct node *node = add_dcls(registry, "n");
    inform(registry, node,
           "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\"], \"dataset\": {\"images\": 12}}");
    inform(registry, node, "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"o\"]}");
    assert_false(node_has_model(node, "m"));
    assert_true(node_has_model(node, "o"));
    assert_int_equal(cJSON_GetObjectItem(node->dataset, "images")->valueint, 12);
}

static void a_node_info_without_digests_keeps_those_that_were_told(void **state)
{
    struct registry *registry = *state;
    struct node *node = add_dcls(registry, "n");
    inform(registry, node,
           "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\"],"
           " \"modelInfo\": [{\"name\": \"m\", \"sha256\": \"" DIGEST_A "\"}]}");
    inform(registry, node, "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\", \"o\"]}");
    assert_string_equal(node_model_sha256(node, "m"), DIGEST_A);
    assert_null(node_model_sha256(node, "o"));
}

static void what_is_no_digest_is_none(void **state)
{
    struct registry *registry = *state;
    struct node *node = add_dcls(registry, "n");
    inform(registry, node,
           "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\"],"
           " \"modelInfo\": [{\"name\": \"m\", \"sha256\": \"x\"}, {\"name\": 1}, {\"name\": \"q\"}]}");
    assert_true(node_has_model(node, "m"));
    assert_null(node_model_sha256(node, "m"));
    assert_false(node_has_model(node, "q"));
}

static void assert_change(struct registry *registry, const char *name, bool gone)
{
    struct node_change change;
    assert_true(registry_next_change(registry, &change));
    assert_string_equal(change.node->name, name);
    assert_int_equal(change.gone, gone);
}

static void assert_no_change(struct registry *registry)
{
    struct node_change change;
    assert_false(registry_next_change(registry, &change));
}

static void what_changed_is_told_once_and_who_left_first(void **state)
{
    struct registry *registry = *state;
    assert_no_change(registry);
    struct node *node = add_dcls(registry, "n");
    inform(registry, node, "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": []}");
    add_dcls(registry, "o");
    assert_change(registry, "n", false);
    assert_change(registry, "o", false);
    assert_no_change(registry);
    node_set_job(registry, node, "7");
    node_set_job(registry, node, "7");
    assert_change(registry, "n", false);
    node_set_job(registry, node, "7");
    assert_no_change(registry);
    node_set_job(registry, registry_find(registry, "o"), "8");
    node_set_job(registry, node, "");
    registry_remove(registry, node);
    add_dcls(registry, "n");
    assert_change(registry, "n", true);
    assert_change(registry, "o", false);
    assert_change(registry, "n", false);
    assert_no_change(registry);
    registry_remove(registry, registry_find(registry, "n")); /* freed with the registry, told or not */
    registry_remove(registry, registry_find(registry, "o"));
    assert_change(registry, "n", true);
}

/* What a node is, as text. */
static char *shown(struct node *node)
{
    cJSON *object = node_json(node);
    char *text = cJSON_PrintUnformatted(object);
    assert_non_null(text);
    cJSON_Delete(object);
    return text;
}

#define TOLD                                                                                                           \
    "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\", \"o\"], \"dataset\": {\"images\": 12}, "           \
    "\"modelInfo\":"                                                                                                   \
    " [{\"name\": \"m\", \"sha256\": \"" DIGEST_A "\"}]}"
#define TOLD_AFTER                                                                                                     \
    "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"p\", \"m\", \"q\"], \"dataset\": {\"images\": 13}, "    \
    "\"modelInfo\":"                                                                                                   \
    " [{\"name\": \"m\", \"sha256\": \"" DIGEST_B "\"}, {\"name\": \"p\", \"sha256\": \"" DIGEST_B "\"}]}"

/* Whatever it is that cannot be allocated: all is as it was. */
static void an_allocation_that_fails_leaves_all_as_it_was(void **state)
{
    struct registry *registry = *state;
    struct node *node = add_dcls(registry, "n");
    struct msg info, connect;
    cJSON *model = cJSON_Parse("{\"name\": \"r\", \"sha256\": \"" DIGEST_B "\"}");
    int failed = 1, failures = 0;
    inform(registry, node, TOLD);
    char *before = shown(node);
    decode(&info, TOLD_AFTER);
    decode(&connect,
           "{\"type\": \"CLIENT CONNECT\", \"name\": \"n\", \"protocol\": 1, \"version\": \"0.2\", \"cpu\": \"y\","
           " \"instance\": \"i\", \"features\": [\"train\", \"type:new\"], \"dataset\": {\"images\": 1}}");
    for (int at = 1; failed; at++) {
        memory_fail_at(at);
        struct node *again = registry_prepare(registry, &connect, DIGEST_A);
        failed = memory_failed();
        assert_int_equal(!again, failed);
        node_free(again);
        failures += failed;
    }
    assert_true(failures > 8);
    failed = 1;
    for (int at = 1; failed; at++) {
        char *now = shown(node);
        assert_string_equal(now, before);
        assert_string_equal(node_model_sha256(node, "m"), DIGEST_A);
        free(now);
        memory_fail_at(at);
        int result = node_set_info(registry, node, &info);
        failed = memory_failed();
        assert_int_equal(result, failed ? -1 : 0);
        failures += failed;
    }
    assert_true(failures > 14);
    memory_fail_at(1);
    assert_int_equal(node_add_model(registry, node, "r", model), -1);
    assert_true(memory_failed());
    assert_false(node_has_model(node, "r"));
    assert_int_equal(node->models.count, 3);
    assert_string_equal(node_model_sha256(node, "m"), DIGEST_B);
    free(before);
    cJSON_Delete(model);
    msg_release(&info);
    msg_release(&connect);
}

static void a_list_that_memory_lacks_for_is_none_rather_than_a_part(void **state)
{
    struct registry *registry = *state;
    struct node *node = add_dcls(registry, "n");
    int failures = 0;
    inform(registry, node, TOLD);
    node_set_job(registry, node, "7");
    add(registry, "{\"type\": \"CLIENT CONNECT\", \"name\": \"o\"}");
    for (int at = 1, failed = 1; failed; at++) {
        memory_fail_at(at);
        cJSON *list = registry_json(registry);
        failed = memory_failed();
        assert_int_equal(!list, failed);
        cJSON_Delete(list);
        failures += failed;
    }
    assert_true(failures > 30);
}

static void thousands_of_models_are_found_by_name(void **state)
{
    struct registry *registry = *state;
    struct node *node = add_dcls(registry, "n");
    struct msg msg;
    char name[NAME_SIZE];
    msg_init(&msg, MSG_NODE_INFO);
    assert_int_equal(msg_set(&msg.name, "n"), 0);
    for (int i = 0; i < 9000; i++) {
        snprintf(name, sizeof name, "model-%d", i);
        assert_int_equal(strings_add(&msg.models, name), 0);
    }
    assert_int_equal(node_set_info(registry, node, &msg), 0);
    msg_release(&msg);
    for (int i = 0; i < 9000; i += 2) {
        snprintf(name, sizeof name, "model-%d", i);
        node_drop_model(registry, node, name);
    }
    assert_int_equal(node->models.count, 4500);
    for (int i = 0; i < 9000; i++) {
        snprintf(name, sizeof name, "model-%d", i);
        assert_int_equal(node_has_model(node, name), i % 2);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_legacy_node_is_listed_as_the_existing_broker_does),
        TEST(the_models_shown_are_those_it_has_now),
        TEST(a_dcls_node_is_listed_with_what_it_told_and_runs),
        TEST(nodes_stand_in_the_order_of_their_coming),
        TEST(a_node_that_tells_of_itself_again_is_known_by_that_alone_and_keeps_its_work),
        TEST(each_connection_has_a_session_of_its_own),
        TEST(an_option_that_a_node_lacks_is_named),
        TEST(a_node_trains_the_types_that_it_announces_or_else_the_first_three),
        TEST(a_model_trained_again_has_the_new_digest),
        TEST(a_dropped_model_is_gone_with_its_digest),
        TEST(node_info_replaces_models_and_dataset),
        TEST(a_node_info_without_digests_keeps_those_that_were_told),
        TEST(what_is_no_digest_is_none),
        TEST(what_changed_is_told_once_and_who_left_first),
        TEST(an_allocation_that_fails_leaves_all_as_it_was),
        TEST(a_list_that_memory_lacks_for_is_none_rather_than_a_part),
        TEST(thousands_of_models_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
