/* The ring of events: numbering, resuming, and holding back progress. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "src/broker/events.h"

#define BOOT 1000
#define FIRST ((uint64_t)BOOT * 1000 + 1)

/* What stands at the ring's end. */
struct heard {
    int count;
    const char *last, *id;
    uint64_t number;
    bool ended;
};

static struct heard hear(const struct events *events)
{
    struct event_record event = { 0 };
    uint64_t number = events_last(events);
    assert_true(number < FIRST || events_get(events, number, &event));
    return (struct heard){ (int)(number + 1 - FIRST), event.text, event.id, event.number, event.ended };
}

static void publish(struct events *events, const char *kind, const char *json, int64_t now)
{
    cJSON *object = cJSON_Parse(json);
    assert_non_null(object);
    events_publish_at(events, kind, object, now);
    cJSON_Delete(object);
}

static void an_event_is_numbered_and_heard(void **state)
{
    (void)state;
    struct events *events = events_new(BOOT);
    publish(events, "node", "{\"name\": \"node0\"}", 0);
    assert_int_equal(hear(events).count, 1);
    assert_int_equal(hear(events).number, FIRST);
    assert_string_equal(hear(events).id, "node0");
    assert_string_equal(hear(events).last, "{\"name\":\"node0\"}");
    publish(events, "job", "{\"id\": \"7\", \"state\": \"queued\"}", 0);
    assert_int_equal(hear(events).number, FIRST + 1);
    assert_string_equal(hear(events).id, "7");
    assert_int_equal(events_last(events), FIRST + 1);
    events_free(events);
}

static void progress_is_held_back_and_the_newest_is_told(void **state)
{
    (void)state;
    struct events *events = events_new(BOOT);
    publish(events, "job", "{\"id\":\"1\",\"state\":\"running\",\"epoch\":1,\"batch\":1}", 0);
    publish(events, "job", "{\"id\":\"1\",\"state\":\"running\",\"epoch\":1,\"batch\":2}", 100);
    publish(events, "job", "{\"id\":\"1\",\"state\":\"running\",\"epoch\":1,\"batch\":3}", 200);
    assert_int_equal(hear(events).count, 1);
    events_tick(events, 249);
    assert_int_equal(hear(events).count, 1);
    events_tick(events, 250);
    assert_int_equal(hear(events).count, 2);
    assert_non_null(strstr(hear(events).last, "\"batch\":3"));
    events_tick(events, 1000);
    assert_int_equal(hear(events).count, 2);
    publish(events, "job", "{\"id\":\"1\",\"state\":\"running\",\"epoch\":1,\"batch\":4}", 500);
    assert_int_equal(hear(events).count, 3);
    events_free(events);
}

static void a_change_of_state_or_epoch_is_told_at_once_and_drops_what_was_held_back(void **state)
{
    (void)state;
    struct events *events = events_new(BOOT);
    publish(events, "job", "{\"id\":\"1\",\"state\":\"running\",\"epoch\":1,\"batch\":1}", 0);
    publish(events, "job", "{\"id\":\"1\",\"state\":\"running\",\"epoch\":1,\"batch\":2}", 1);
    publish(events, "job", "{\"id\":\"1\",\"state\":\"running\",\"epoch\":2,\"batch\":1}", 2);
    assert_int_equal(hear(events).count, 2);
    publish(events, "job", "{\"id\":\"1\",\"state\":\"running\",\"epoch\":2,\"batch\":1,\"results\":[{}]}", 3);
    assert_int_equal(hear(events).count, 3);
    publish(events, "job", "{\"id\":\"1\",\"state\":\"running\",\"epoch\":2,\"batch\":2,\"results\":[{}]}", 4);
    publish(events, "job", "{\"id\":\"1\",\"state\":\"completed\",\"epoch\":2,\"results\":[{}]}", 5);
    assert_int_equal(hear(events).count, 4);
    assert_true(hear(events).ended);
    events_tick(events, 10000);
    assert_int_equal(hear(events).count, 4);
    events_free(events);
}

static void jobs_do_not_hold_each_other_back(void **state)
{
    (void)state;
    struct events *events = events_new(BOOT);
    publish(events, "job", "{\"id\":\"1\",\"state\":\"running\",\"batch\":1}", 0);
    publish(events, "job", "{\"id\":\"2\",\"state\":\"running\",\"batch\":1}", 0);
    assert_int_equal(hear(events).count, 2);
    publish(events, "job", "{\"id\":\"1\",\"state\":\"running\",\"batch\":2}", 10);
    publish(events, "job", "{\"id\":\"2\",\"state\":\"running\",\"batch\":2}", 10);
    events_tick(events, 300);
    assert_int_equal(hear(events).count, 4);
    events_free(events);
}

static void a_reader_resumes_behind_the_last_event_it_saw(void **state)
{
    (void)state;
    struct events *events = events_new(BOOT);
    for (int i = 0; i < 5; i++)
        publish(events, "node", "{\"name\": \"n\"}", 0);
    uint64_t number = 0;
    assert_true(events_resume(events, "1000003", &number));
    assert_int_equal(number, FIRST + 2);
    struct event_record event;
    assert_true(events_get(events, number + 1, &event));
    assert_int_equal(event.number, FIRST + 3);
    assert_true(events_resume(events, "1000005", &number));
    assert_false(events_get(events, number + 1, &event));
    assert_true(events_resume(events, "1000000", &number)); /* nothing seen yet, nothing missed */
    events_free(events);
}

static void an_id_that_is_too_old_unknown_or_malformed_does_not_resume(void **state)
{
    (void)state;
    struct events *events = events_new(BOOT);
    uint64_t number = 0;
    publish(events, "node", "{\"name\": \"n\"}", 0);
    static const char *const ids[] = { "",         "x",       "-1",
                                       "999999",   "1000002", "1000001x",
                                       " 1000001", "1",       "99999999999999999999999999" };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        assert_false(events_resume(events, ids[i], &number));
    for (int i = 0; i < EVENTS_KEPT; i++)
        publish(events, "node", "{\"name\": \"n\"}", 0);
    assert_false(events_resume(events, "1000000", &number)); /* 1000001 fell out */
    assert_true(events_resume(events, "1000001", &number));
    events_free(events);
}

static void the_ring_is_bounded_in_bytes_too(void **state)
{
    (void)state;
    struct events *events = events_new(BOOT);
    char *name = malloc(4 * 1024 * 1024 + 1);
    assert_non_null(name);
    memset(name, 'x', 4 * 1024 * 1024);
    name[4 * 1024 * 1024] = '\0';
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "text", name);
    for (int i = 0; i < 6; i++)
        events_publish_at(events, "node", object, 0);
    struct event_record event;
    assert_false(events_get(events, FIRST, &event));
    assert_false(events_get(events, FIRST + 2, &event));
    assert_true(events_get(events, FIRST + 5, &event));
    cJSON_Delete(object);
    free(name);
    events_free(events);
}

static void count_news(void *arg)
{
    ++*(int *)arg;
}

static void who_follows_is_told_of_news_and_when_to_look_again(void **state)
{
    int news = 0;
    (void)state;
    struct events *events = events_new(BOOT);
    events_watch(events, count_news, &news);
    assert_int_equal(events_due(events), INT64_MAX);
    publish(events, "job", "{\"id\":\"1\",\"state\":\"running\",\"epoch\":1,\"batch\":1}", 1000);
    assert_int_equal(news, 1);
    assert_int_equal(events_due(events), INT64_MAX);
    publish(events, "job", "{\"id\":\"1\",\"state\":\"running\",\"epoch\":1,\"batch\":2}", 1010);
    publish(events, "job", "{\"id\":\"2\",\"state\":\"running\",\"epoch\":1,\"batch\":1}", 1020);
    publish(events, "job", "{\"id\":\"2\",\"state\":\"running\",\"epoch\":1,\"batch\":2}", 1030);
    assert_int_equal(news, 4);
    assert_int_equal(events_due(events), 1000 + EVENTS_PROGRESS_MS);
    events_tick(events, events_due(events));
    assert_int_equal(events_due(events), 1020 + EVENTS_PROGRESS_MS);
    events_tick(events, events_due(events));
    assert_int_equal(events_due(events), INT64_MAX);
    assert_int_equal(hear(events).count, 4);
    events_watch(events, NULL, NULL);
    publish(events, "node", "{\"name\":\"n\"}", 2000);
    assert_int_equal(news, 4);
    events_free(events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_numbered_and_heard),
        cmocka_unit_test(progress_is_held_back_and_the_newest_is_told),
        cmocka_unit_test(a_change_of_state_or_epoch_is_told_at_once_and_drops_what_was_held_back),
        cmocka_unit_test(jobs_do_not_hold_each_other_back),
        cmocka_unit_test(a_reader_resumes_behind_the_last_event_it_saw),
        cmocka_unit_test(an_id_that_is_too_old_unknown_or_malformed_does_not_resume),
        cmocka_unit_test(the_ring_is_bounded_in_bytes_too),
        cmocka_unit_test(who_follows_is_told_of_news_and_when_to_look_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
