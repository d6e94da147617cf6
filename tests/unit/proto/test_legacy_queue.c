/* The queue towards a legacy peer, with a clock of the test's own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dcls/proto/legacy_queue.h"

#define ANSWER_MS 2000

static void expect_taken(struct pace *pace, int64_t now, const char *text)
{
    struct pace_item *item = pace_take(pace, now);
    assert_non_null(item);
    assert_string_equal(item->text, text);
    pace_item_free(item);
}

static void the_first_message_leaves_at_once(void **state)
{
    struct pace pace;
    (void)state;
    pace_init(&pace, ANSWER_MS);
    assert_int_equal(pace_due(&pace, 1000), -1);
    assert_int_equal(pace_push(&pace, "a\n", 2, false, NULL), 0);
    assert_int_equal(pace_due(&pace, 1000), 0);
    expect_taken(&pace, 1000, "a\n");
    pace_release(&pace);
}

static void unanswered_messages_are_200_ms_apart(void **state)
{
    struct pace pace;
    (void)state;
    pace_init(&pace, ANSWER_MS);
    pace_push(&pace, "a", 1, false, NULL);
    pace_push(&pace, "b", 1, false, NULL);
    pace_push(&pace, "c", 1, false, NULL);
    expect_taken(&pace, 1000, "a");
    assert_null(pace_take(&pace, 1000));
    assert_int_equal(pace_due(&pace, 1050), 150);
    assert_null(pace_take(&pace, 1199));
    expect_taken(&pace, 1200, "b");
    assert_null(pace_take(&pace, 1399));
    expect_taken(&pace, 1400, "c");
    pace_release(&pace);
}

static void a_message_that_wants_an_answer_holds_back_the_next_until_it_comes(void **state)
{
    struct pace pace;
    (void)state;
    pace_init(&pace, ANSWER_MS);
    pace_push(&pace, "ask", 3, true, NULL);
    pace_push(&pace, "next", 4, false, NULL);
    expect_taken(&pace, 1000, "ask");
    assert_null(pace_take(&pace, 1500));
    pace_answered(&pace);
    expect_taken(&pace, 1500, "next");
    pace_release(&pace);
}

static void an_answer_that_never_comes_is_given_up(void **state)
{
    struct pace pace;
    (void)state;
    pace_init(&pace, ANSWER_MS);
    pace_push(&pace, "ask", 3, true, NULL);
    pace_push(&pace, "next", 4, false, NULL);
    expect_taken(&pace, 1000, "ask");
    assert_int_equal(pace_due(&pace, 1000), ANSWER_MS);
    assert_null(pace_take(&pace, 1000 + ANSWER_MS - 1));
    expect_taken(&pace, 1000 + ANSWER_MS, "next");
    pace_release(&pace);
}

static void an_unasked_answer_shortens_no_pause(void **state)
{
    struct pace pace;
    (void)state;
    pace_init(&pace, ANSWER_MS);
    pace_push(&pace, "a", 1, false, NULL);
    pace_push(&pace, "b", 1, false, NULL);
    expect_taken(&pace, 1000, "a");
    pace_answered(&pace);
    assert_int_equal(pace_due(&pace, 1000), PACE_INTERVAL_MS);
    pace_release(&pace);
}

static void a_key_travels_with_its_message(void **state)
{
    struct pace pace;
    (void)state;
    pace_init(&pace, ANSWER_MS);
    pace_push(&pace, "a", 1, false, "train:1");
    struct pace_item *item = pace_take(&pace, 0);
    assert_string_equal(item->key, "train:1");
    pace_item_free(item);
    pace_release(&pace);
}

static void the_queue_is_bounded(void **state)
{
    struct pace pace;
    (void)state;
    pace_init(&pace, ANSWER_MS);
    for (int i = 0; i < PACE_MAX; i++)
        assert_int_equal(pace_push(&pace, "x", 1, false, NULL), 0);
    assert_int_equal(pace_push(&pace, "x", 1, false, NULL), -1);
    pace_release(&pace);
    assert_int_equal(pace_due(&pace, 0), -1);
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
        cmocka_unit_test(the_queue_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
