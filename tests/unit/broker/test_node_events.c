/* Changes of nodes as events: each is told, and of a node that changes again and again the last one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/clock.h"
#include "dcls/net/loop.h"
#include "src/broker/broker.h"
#include "src/broker/events.h"
#include "src/broker/node_events.h"
#include "src/broker/registry.h"

static int setup(void **state)
{
    struct broker *broker = calloc(1, sizeof *broker);
    *state = broker;
    return broker && (broker->base = loop_new()) && (broker->events = events_new(1)) &&
                   (broker->registry = registry_new()) && (broker->node_events = node_events_new(broker))
               ? 0
               : -1;
}

static int teardown(void **state)
{
    struct broker *broker = *state;
    node_events_free(broker->node_events);
    registry_free(broker->registry);
    events_free(broker->events);
    event_base_free(broker->base);
    free(broker);
    return 0;
}

static struct node *add(struct broker *broker, const char *name)
{
    struct msg msg;
    msg_init(&msg, MSG_CLIENT_CONNECT);
    assert_int_equal(msg_set(&msg.name, name), 0);
    struct node *node = registry_prepare(broker->registry, &msg, "");
    msg_release(&msg);
    assert_non_null(node);
    registry_enter(broker->registry, node, NULL);
    return node;
}

static const char *last_text(const struct broker *broker)
{
    struct event_record event;
    assert_true(events_get(broker->events, events_last(broker->events), &event));
    assert_string_equal(event.kind, "node");
    return event.text;
}

/* Turns the loop until an event more is there, or a second has passed; gives how long that took. */
static int64_t wait_for_event(const struct broker *broker)
{
    uint64_t before = events_last(broker->events);
    int64_t start = clock_ms();
    while (events_last(broker->events) == before && clock_ms() - start < 1000)
        event_base_loop(broker->base, EVLOOP_ONCE);
    assert_int_equal(events_last(broker->events), before + 1);
    return clock_ms() - start;
}

static void the_first_change_is_told_at_once_and_what_follows_as_it_is_by_then(void **state)
{
    struct broker *broker = *state;
    uint64_t before = events_last(broker->events);
    struct node *node = add(broker, "a");
    node_events_publish(broker);
    assert_int_equal(events_last(broker->events), before + 1);
    static const char *const jobs[] = { "1", "", "2" };
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        node_set_job(broker->registry, node, jobs[i]);
        node_events_publish(broker);
    }
    assert_int_equal(events_last(broker->events), before + 1);
    int64_t waited = wait_for_event(broker);
    assert_in_range(waited, 10, 900);
    /* Nothing is told twice. */
    node_events_publish(broker);
    assert_int_equal(events_last(broker->events), before + 2);
    registry_remove(broker->registry, node);
    node_events_publish(broker);
    wait_for_event(broker);
    assert_non_null(strstr(last_text(broker), "\"gone\":true"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_change_is_told_at_once_and_what_follows_as_it_is_by_then, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
