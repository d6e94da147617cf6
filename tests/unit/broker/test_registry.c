/* The table of nodes: what they told, what they lack, how they are listed. No connection is needed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/broker/broker.h"
#include "src/broker/events.h"
#include "src/broker/registry.h"

#define DIGEST_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static int setup(void **state)
{
    struct broker *broker = calloc(1, sizeof *broker);
    assert_non_null(broker);
    assert_non_null(broker->events = events_new(1));
    assert_non_null(broker->registry = registry_new(broker));
    *state = broker;
    return 0;
}

static int teardown(void **state)
{
    struct broker *broker = *state;
    registry_free(broker->registry);
    events_free(broker->events);
    free(broker);
    return 0;
}

static void decode(struct msg *msg, const char *text)
{
    struct err err = ERR_INIT;
    if (msg_decode(msg, text, strlen(text), &err))
        fail_msg("%s", err.text);
}

static struct node *add(struct broker *broker, const char *text)
{
    struct msg msg;
    decode(&msg, text);
    struct node *node = registry_add(broker->registry, &msg, NULL);
    msg_release(&msg);
    assert_non_null(node);
    return node;
}

static struct node *add_dcls(struct broker *broker, const char *name)
{
    char text[256];
    snprintf(text, sizeof text,
             "{\"type\": \"CLIENT CONNECT\", \"name\": \"%s\", \"protocol\": 1, \"version\": \"0.1\","
             " \"features\": [\"train\", \"option:seed\"], \"cores\": 2, \"cpu\": \"x\"}",
             name);
    return add(broker, text);
}

static void inform(struct broker *broker, struct node *node, const char *text)
{
    struct msg msg;
    decode(&msg, text);
    assert_int_equal(node_set_info(broker->registry, node, &msg), 0);
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
    struct broker *broker = *state;
    struct node *node = add(broker, "{\"type\": \"CLIENT CONNECT\", \"name\": \"node0\"}");
    inform(broker, node, "{\"type\": \"NODE INFO\", \"name\": \"node0\", \"models\": [\"m1\", \"m2\"]}");
    assert_true(node_is_legacy(node));
    assert_printed(registry_json(broker->registry), "{\"nodes\":[{\"name\":\"node0\",\"models\":[\"m1\",\"m2\"]}]}");
}

static void a_dcls_node_is_listed_with_what_it_told_and_runs(void **state)
{
    struct broker *broker = *state;
    struct node *node = add_dcls(broker, "n");
    snprintf(node->job, sizeof node->job, "7");
    assert_printed(node_json(node), "{\"name\":\"n\",\"models\":[],\"protocol\":1,\"version\":\"0.1\",\"cores\":2,"
                                    "\"cpu\":\"x\",\"running\":[\"7\"]}");
}

static void nodes_stand_in_the_order_of_their_coming(void **state)
{
    struct broker *broker = *state;
    struct node *a = add_dcls(broker, "a"), *b = add_dcls(broker, "b"), *c = add_dcls(broker, "c");
    registry_remove(broker->registry, b);
    assert_ptr_equal(registry_first(broker->registry), a);
    assert_ptr_equal(a->next, c);
    assert_null(c->next);
    assert_null(registry_find(broker->registry, "b"));
}

static void a_name_taken_over_forgets_what_the_old_node_told(void **state)
{
    struct broker *broker = *state;
    struct node *node = add_dcls(broker, "n");
    inform(broker, node, "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\"]}");
    assert_true(node->ready);
    struct node *again = add(broker, "{\"type\": \"CLIENT CONNECT\", \"name\": \"n\"}");
    assert_ptr_equal(again, node);
    assert_null(again->next);
    assert_false(again->ready);
    assert_true(node_is_legacy(again));
    assert_false(node_offers(again, "train"));
    assert_false(node_has_model(again, "m"));
}

static void an_option_that_a_node_lacks_is_named(void **state)
{
    struct broker *broker = *state;
    struct node *node = add_dcls(broker, "n"), *legacy = add(broker, "{\"type\": \"CLIENT CONNECT\", \"name\": \"o\"}");
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
    struct broker *broker = *state;
    assert_types(registry_types(broker->registry), "");
    add(broker, "{\"type\": \"CLIENT CONNECT\", \"name\": \"i\", \"protocol\": 1, \"features\": [\"type:x\"]}");
    assert_types(&registry_find(broker->registry, "i")->types, "");
    assert_types(registry_types(broker->registry), "");
    struct node *told = add(broker, "{\"type\": \"CLIENT CONNECT\", \"name\": \"n\", \"protocol\": 1,"
                                    " \"features\": [\"train\", \"type:resnet\", \"type:vit\"]}");
    assert_types(&told->types, "resnet vit");
    assert_types(&add_dcls(broker, "untold")->types, "resnet mobilenet efficientnet");
    assert_types(&add(broker, "{\"type\": \"CLIENT CONNECT\", \"name\": \"o\"}")->types,
                 "resnet mobilenet efficientnet");
    registry_remove(broker->registry, told);
    assert_types(registry_types(broker->registry), "resnet vit mobilenet efficientnet");
}

static void a_model_trained_again_has_the_new_digest(void **state)
{
    struct broker *broker = *state;
    struct node *node = add_dcls(broker, "n");
    inform(broker, node,
           "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\", \"o\"], \"modelInfo\":"
           " [{\"name\": \"m\", \"sha256\": \"" DIGEST_A "\"}, {\"name\": \"o\", \"sha256\": \"" DIGEST_A "\"}]}");
    assert_string_equal(node_model_sha256(node, "m"), DIGEST_A);
    cJSON *info = cJSON_Parse("{\"name\": \"m\", \"sha256\": \"" DIGEST_B "\"}");
    assert_int_equal(node_add_model(broker->registry, node, "m", info), 0);
    cJSON_Delete(info);
    assert_int_equal(node->models.count, 2);
    assert_int_equal(cJSON_GetArraySize(node->model_info), 2);
    assert_string_equal(node_model_sha256(node, "m"), DIGEST_B);
    assert_string_equal(node_model_sha256(node, "o"), DIGEST_A);
    assert_null(node_model_sha256(node, "p"));
}

static void a_dropped_model_is_gone_with_its_digest(void **state)
{
    struct broker *broker = *state;
    struct node *node = add_dcls(broker, "n");
    inform(broker, node,
           "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"l\", \"m\", \"o\"], \"modelInfo\":"
           " [{\"name\": \"m\", \"sha256\": \"" DIGEST_A "\"}]}");
    node_drop_model(broker->registry, node, "m");
    assert_false(node_has_model(node, "m"));
    assert_true(node_has_model(node, "l") && node_has_model(node, "o"));
    assert_null(node_model_sha256(node, "m"));
    node_drop_model(broker->registry, node, "m");
    assert_int_equal(node->models.count, 2);
}

static void node_info_replaces_models_and_dataset(void **state)
{
    struct broker *broker = *state;
    struct node *node = add_dcls(broker, "n");
    inform(broker, node,
           "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\"], \"dataset\": {\"images\": 12}}");
    inform(broker, node, "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"o\"]}");
    assert_false(node_has_model(node, "m"));
    assert_true(node_has_model(node, "o"));
    assert_int_equal(cJSON_GetObjectItem(node->dataset, "images")->valueint, 12);
}

static void sse_hear_of_a_node_that_leaves(void **state)
{
    struct broker *broker = *state;
    struct event_record event;
    registry_remove(broker->registry, add_dcls(broker, "n"));
    assert_true(events_get(broker->events, events_last(broker->events), &event));
    assert_string_equal(event.kind, "node");
    assert_string_equal(event.id, "n");
    assert_non_null(strstr(event.text, "\"gone\":true"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_legacy_node_is_listed_as_the_existing_broker_does),
        TEST(a_dcls_node_is_listed_with_what_it_told_and_runs),
        TEST(nodes_stand_in_the_order_of_their_coming),
        TEST(a_name_taken_over_forgets_what_the_old_node_told),
        TEST(an_option_that_a_node_lacks_is_named),
        TEST(a_node_trains_the_types_that_it_announces_or_else_the_first_three),
        TEST(a_model_trained_again_has_the_new_digest),
        TEST(a_dropped_model_is_gone_with_its_digest),
        TEST(node_info_replaces_models_and_dataset),
        TEST(sse_hear_of_a_node_that_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
