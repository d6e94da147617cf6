/* The queue towards a legacy peer, with a clock of the test's own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dcls/proto/legacy_queue.h"

#define ANSWER_MS 2000

static void expect_taken(struct legacy_queue *legacy_queue, int64_t now, const char *text)
{
    struct legacy_queue_item *item = legacy_queue_take(legacy_queue, now);
    assert_non_null(item);
    assert_string_equal(item->text, text);
    legacy_queue_item_free(item);
}

static void the_first_message_leaves_at_once(void **state)
{
    struct legacy_queue legacy_queue;
    (void)state;
    legacy_queue_init(&legacy_queue, ANSWER_MS);
    assert_int_equal(legacy_queue_due(&legacy_queue, 1000), -1);
    assert_int_equal(legacy_queue_push(&legacy_queue, "a\n", 2, false, NULL), 0);
    assert_int_equal(legacy_queue_due(&legacy_queue, 1000), 0);
    expect_taken(&legacy_queue, 1000, "a\n");
    legacy_queue_release(&legacy_queue);
}

static void unanswered_messages_are_200_ms_apart(void **state)
{
    struct legacy_queue legacy_queue;
    (void)state;
    legacy_queue_init(&legacy_queue, ANSWER_MS);
    legacy_queue_push(&legacy_queue, "a", 1, false, NULL);
    legacy_queue_push(&legacy_queue, "b", 1, false, NULL);
    legacy_queue_push(&legacy_queue, "c", 1, false, NULL);
    expect_taken(&legacy_queue, 1000, "a");
    assert_null(legacy_queue_take(&legacy_queue, 1000));
    assert_int_equal(legacy_queue_due(&legacy_queue, 1050), 150);
    assert_null(legacy_queue_take(&legacy_queue, 1199));
    expect_taken(&legacy_queue, 1200, "b");
    assert_null(legacy_queue_take(&legacy_queue, 1399));
    expect_taken(&legacy_queue, 1400, "c");
    legacy_queue_release(&legacy_queue);
}

static void a_message_that_wants_an_answer_holds_back_the_next_until_it_comes(void **state)
{
    struct legacy_queue legacy_queue;
    (void)state;
    legacy_queue_init(&legacy_queue, ANSWER_MS);
    legacy_queue_push(&legacy_queue, "ask", 3, true, NULL);
    legacy_queue_push(&legacy_queue, "next", 4, false, NULL);
    expect_taken(&legacy_queue, 1000, "ask");
    assert_null(legacy_queue_take(&legacy_queue, 1500));
    legacy_queue_answered(&legacy_queue);
    expect_taken(&legacy_queue, 1500, "next");
    legacy_queue_release(&legacy_queue);
}

static void an_answer_that_never_comes_is_given_up(void **state)
{
    struct legacy_queue legacy_queue;
    (void)state;
    legacy_queue_init(&legacy_queue, ANSWER_MS);
    legacy_queue_push(&legacy_queue, "ask", 3, true, NULL);
    legacy_queue_push(&legacy_queue, "next", 4, false, NULL);
    expect_taken(&legacy_queue, 1000, "ask");
    assert_int_equal(legacy_queue_due(&legacy_queue, 1000), ANSWER_MS);
    assert_null(legacy_queue_take(&legacy_queue, 1000 + ANSWER_MS - 1));
    expect_taken(&legacy_queue, 1000 + ANSWER_MS, "next");
    legacy_queue_release(&legacy_queue);
}

static void an_unasked_answer_shortens_no_pause(void **state)
{
    struct legacy_queue legacy_queue;
    (void)state;
    legacy_queue_init(&legacy_queue, ANSWER_MS);
    legacy_queue_push(&legacy_queue, "a", 1, false, NULL);
    legacy_queue_push(&legacy_queue, "b", 1, false, NULL);
    expect_taken(&legacy_queue, 1000, "a");
    legacy_queue_answered(&legacy_queue);
    assert_int_equal(legacy_queue_due(&legacy_queue, 1000), LEGACY_QUEUE_INTERVAL_MS);
    legacy_queue_release(&legacy_queue);
}

static void a_key_travels_with_its_message(void **state)
{
    struct legacy_queue legacy_queue;
    (void)state;
    legacy_queue_init(&legacy_queue, ANSWER_MS);
    legacy_queue_push(&legacy_queue, "a", 1, false, "train:1");
    struct legacy_queue_item *item = legacy_queue_take(&legacy_queue, 0);
    assert_string_equal(item->key, "train:1");
    legacy_queue_item_free(item);
    legacy_queue_release(&legacy_queue);
}

static void what_still_waits_may_be_withdrawn(void **state)
{
    struct legacy_queue legacy_queue;
    (void)state;
    legacy_queue_init(&legacy_queue, ANSWER_MS);
    legacy_queue_push(&legacy_queue, "ask", 3, true, NULL);
    legacy_queue_push(&legacy_queue, "a", 1, false, "train:1");
    legacy_queue_push(&legacy_queue, "b", 1, false, "train:2");
    legacy_queue_push(&legacy_queue, "c", 1, false, NULL);
    expect_taken(&legacy_queue, 0, "ask");
    assert_false(legacy_queue_withdraw(&legacy_queue, "train:3"));
    assert_true(legacy_queue_withdraw(&legacy_queue, "train:1"));
    assert_false(legacy_queue_withdraw(&legacy_queue, "train:1"));
    assert_int_equal(legacy_queue.count, 2);
    legacy_queue_answered(&legacy_queue);
    expect_taken(&legacy_queue, 0, "b");
    assert_false(legacy_queue_withdraw(&legacy_queue, "train:2"));
    expect_taken(&legacy_queue, LEGACY_QUEUE_INTERVAL_MS, "c");
    legacy_queue_release(&legacy_queue);
}

static void the_queue_is_bounded(void **state)
{
    struct legacy_queue legacy_queue;
    (void)state;
    legacy_queue_init(&legacy_queue, ANSWER_MS);
    for (int i = 0; i < LEGACY_QUEUE_MAX; i++)
        assert_int_equal(legacy_queue_push(&legacy_queue, "x", 1, false, NULL), 0);
    assert_int_equal(legacy_queue_push(&legacy_queue, "x", 1, false, NULL), -1);
    legacy_queue_release(&legacy_queue);
    assert_int_equal(legacy_queue_due(&legacy_queue, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_message_leaves_at_once),
        cmocka_unit_test(unanswered_messages_are_200_ms_apart),
        cmocka_unit_test(a_message_that_wants_an_answer_holds_back_the_next_until_it_comes),
        cmocka_unit_test(an_answer_that_never_comes_is_given_up),
        cmocka_unit_test(an_unasked_answer_shortens_no_pause),
        cmocka_unit_test(a_key_travels_with_its_message),
        cmocka_unit_test(what_still_waits_may_be_withdrawn),
        cmocka_unit_test(the_queue_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
