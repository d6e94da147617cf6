/* The queue towards a legacy broker, with a clock of the test's own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "src/node/linkpace.h"

static void expect_taken(struct linkpace *pace, int64_t now, const char *text)
{
    struct pace_item *item = linkpace_take(pace, now);
    assert_non_null(item);
    assert_string_equal(item->text, text);
    pace_item_free(item);
}

static void the_first_message_leaves_at_once(void **state)
{
    struct linkpace pace;
    (void)state;
    linkpace_init(&pace);
    assert_int_equal(linkpace_due(&pace, 1000), -1);
    assert_int_equal(linkpace_push(&pace, "a\n", 2, false, NULL), 0);
    assert_int_equal(linkpace_due(&pace, 1000), 0);
    expect_taken(&pace, 1000, "a\n");
    linkpace_release(&pace);
}

static void unanswered_messages_are_200_ms_apart(void **state)
{
    struct linkpace pace;
    (void)state;
    linkpace_init(&pace);
    linkpace_push(&pace, "a", 1, false, NULL);
    linkpace_push(&pace, "b", 1, false, NULL);
    linkpace_push(&pace, "c", 1, false, NULL);
    expect_taken(&pace, 1000, "a");
    assert_null(linkpace_take(&pace, 1000));
    assert_int_equal(linkpace_due(&pace, 1050), 150);
    assert_null(linkpace_take(&pace, 1199));
    expect_taken(&pace, 1200, "b");
    assert_null(linkpace_take(&pace, 1399));
    expect_taken(&pace, 1400, "c");
    linkpace_release(&pace);
}

static void a_message_that_wants_an_answer_holds_back_the_next_until_it_comes(void **state)
{
    struct linkpace pace;
    (void)state;
    linkpace_init(&pace);
    linkpace_push(&pace, "ask", 3, true, NULL);
    linkpace_push(&pace, "next", 4, false, NULL);
    expect_taken(&pace, 1000, "ask");
    assert_null(linkpace_take(&pace, 1500));
    linkpace_answered(&pace);
    expect_taken(&pace, 1500, "next");
    linkpace_release(&pace);
}

static void an_answer_that_never_comes_is_given_up(void **state)
{
    struct linkpace pace;
    (void)state;
    linkpace_init(&pace);
    linkpace_push(&pace, "ask", 3, true, NULL);
    linkpace_push(&pace, "next", 4, false, NULL);
    expect_taken(&pace, 1000, "ask");
    assert_int_equal(linkpace_due(&pace, 1000), PACE_ANSWER_MS);
    assert_null(linkpace_take(&pace, 1000 + PACE_ANSWER_MS - 1));
    expect_taken(&pace, 1000 + PACE_ANSWER_MS, "next");
    linkpace_release(&pace);
}

static void an_unasked_answer_shortens_no_pause(void **state)
{
    struct linkpace pace;
    (void)state;
    linkpace_init(&pace);
    linkpace_push(&pace, "a", 1, false, NULL);
    linkpace_push(&pace, "b", 1, false, NULL);
    expect_taken(&pace, 1000, "a");
    linkpace_answered(&pace);
    assert_int_equal(linkpace_due(&pace, 1000), PACE_INTERVAL_MS);
    linkpace_release(&pace);
}

static void a_key_travels_with_its_message(void **state)
{
    struct linkpace pace;
    (void)state;
    linkpace_init(&pace);
    linkpace_push(&pace, "a", 1, false, "train:1");
    struct pace_item *item = linkpace_take(&pace, 0);
    assert_string_equal(item->key, "train:1");
    pace_item_free(item);
    linkpace_release(&pace);
}

static void the_queue_is_bounded(void **state)
{
    struct linkpace pace;
    (void)state;
    linkpace_init(&pace);
    for (int i = 0; i < PACE_MAX; i++)
        assert_int_equal(linkpace_push(&pace, "x", 1, false, NULL), 0);
    assert_int_equal(linkpace_push(&pace, "x", 1, false, NULL), -1);
    linkpace_release(&pace);
    assert_int_equal(linkpace_due(&pace, 0), -1);
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
