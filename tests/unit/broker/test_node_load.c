/* How busy nodes are: what is believed of what they tell, and which are shown again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/broker/node_load.h"
#include "src/broker/registry.h"

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

static struct node *add(struct registry *registry, const char *name, struct link *link)
{
    struct msg msg;
    struct err err = ERR_INIT;
    char text[128];
    snprintf(text, sizeof text, "{\"type\": \"CLIENT CONNECT\", \"name\": \"%s\", \"protocol\": 1}", name);
    assert_int_equal(msg_decode(&msg, text, strlen(text), &err), 0);
    struct node *node = registry_prepare(registry, &msg, "");
    msg_release(&msg);
    assert_non_null(node);
    registry_enter(registry, node, link);
    return node;
}

static void tell(struct node *node, const char *load)
{
    cJSON *object = cJSON_Parse(load);
    assert_non_null(object);
    node_load_take(node, object);
    cJSON_Delete(object);
}

static void assert_shown(const struct registry *registry, uint64_t after, const char *expected)
{
    cJSON *object = node_loads_json(registry, after);
    char *text = cJSON_PrintUnformatted(object);
    assert_string_equal(text, expected);
    cJSON_free(text);
    cJSON_Delete(object);
}

static void what_a_node_tells_and_what_was_counted_of_it_is_shown(void **state)
{
    uint64_t version = 0;
    struct node *node = add(*state, "a", NULL);
    add(*state, "b", NULL);
    tell(node, "{\"cpu\": 37.54, \"memoryUsed\": 4294967297, \"queue\": 2, \"more\": []}");
    node->pending = 3;
    node->load.now.inferences = 8;
    node->load.now.bytes = 1234;
    assert_true(node_loads_update(*state, &version));
    assert_int_equal(version, 1);
    assert_shown(*state, 0,
                 "{\"nodes\":[{\"name\":\"a\",\"cpu\":37.5,\"memoryUsed\":4294967296,\"queue\":2,\"inferences\":8,"
                 "\"inferencesPending\":3,\"bytes\":1234},"
                 "{\"name\":\"b\",\"inferences\":0,\"inferencesPending\":0,\"bytes\":0}]}");
}

static void nonsense_is_passed_over_and_the_last_figure_stays(void **state)
{
    static const char *const nonsense[] = {
        "{\"cpu\": 100.5, \"memoryUsed\": -1, \"queue\": 1e10}",
        "{\"cpu\": -3, \"memoryUsed\": 1e999, \"queue\": \"many\"}",
        "{\"cpu\": null, \"memoryUsed\": {}, \"queue\": [1]}",
        "{\"cpu\": -1e999, \"memoryUsed\": true, \"queue\": -0.5}",
        "{}",
    };
    uint64_t version = 0;
    struct node *node = add(*state, "a", NULL);
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
        tell(node, nonsense[i]);
    assert_true(node_loads_update(*state, &version));
    assert_shown(*state, 0, "{\"nodes\":[{\"name\":\"a\",\"inferences\":0,\"inferencesPending\":0,\"bytes\":0}]}");
    tell(node, "{\"cpu\": 100, \"memoryUsed\": 0, \"queue\": 0}");
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
        tell(node, nonsense[i]);
    node_load_take(node, NULL);
    node_load_take(NULL, NULL);
    assert_true(node_loads_update(*state, &version));
    assert_shown(*state, 0,
                 "{\"nodes\":[{\"name\":\"a\",\"cpu\":100,\"memoryUsed\":0,\"queue\":0,\"inferences\":0,"
                 "\"inferencesPending\":0,\"bytes\":0}]}");
}

static void only_nodes_that_changed_are_shown_again(void **state)
{
    uint64_t version = 0;
    struct node *a = add(*state, "a", NULL), *b = add(*state, "b", NULL);
    assert_true(node_loads_update(*state, &version));
    assert_false(node_loads_update(*state, &version));
    assert_int_equal(version, 1);
    assert_shown(*state, version, "{\"nodes\":[]}");
    b->pending = 1;
    assert_true(node_loads_update(*state, &version));
    b->pending = 0;
    a->load.now.bytes = 7;
    assert_shown(*state, 1, "{\"nodes\":[{\"name\":\"b\",\"inferences\":0,\"inferencesPending\":1,\"bytes\":0}]}");
    assert_true(node_loads_update(*state, &version));
    assert_int_equal(version, 3);
    assert_shown(*state, 1,
                 "{\"nodes\":[{\"name\":\"a\",\"inferences\":0,\"inferencesPending\":0,\"bytes\":7},"
                 "{\"name\":\"b\",\"inferences\":0,\"inferencesPending\":0,\"bytes\":0}]}");
    /* Less than a tenth of a per cent, or than a MiB, is no news. */
    tell(a, "{\"cpu\": 50, \"memoryUsed\": 1048576, \"queue\": 0}");
    assert_true(node_loads_update(*state, &version));
    tell(a, "{\"cpu\": 50.04, \"memoryUsed\": 2097151, \"queue\": 0}");
    assert_false(node_loads_update(*state, &version));
}

static void a_node_that_registers_anew_over_its_connection_keeps_its_figures(void **state)
{
    uint64_t version = 0;
    char link;
    struct node *node = add(*state, "a", (struct link *)&link);
    tell(node, "{\"queue\": 4}");
    node->load.now.inferences = 2;
    assert_true(node_loads_update(*state, &version));
    add(*state, "a", (struct link *)&link);
    assert_false(node_loads_update(*state, &version));
    assert_shown(*state, 0,
                 "{\"nodes\":[{\"name\":\"a\",\"queue\":4,\"inferences\":2,\"inferencesPending\":0,\"bytes\":0}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_node_tells_and_what_was_counted_of_it_is_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(nonsense_is_passed_over_and_the_last_figure_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(only_nodes_that_changed_are_shown_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_that_registers_anew_over_its_connection_keeps_its_figures, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
