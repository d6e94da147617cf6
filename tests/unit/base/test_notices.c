/* The lines that people are told of a training. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "dcls/base/notices.h"

static void a_notice_is_kept_once_as_one_line(void **state)
{
    struct notices notices = { 0 };
    (void)state;
    assert_true(notices_add(&notices, "%d files\nare left out", 3));
    assert_false(notices_add(&notices, "3 files are left out"));
    assert_true(notices_add(&notices, "4 files are left out"));
    assert_false(notices_add(&notices, "%s", ""));
    assert_int_equal(notices.count, 2);
    assert_string_equal(notices.lines[0], "3 files are left out");
    notices_release(&notices);
    assert_int_equal(notices.count, 0);
}

static void notices_are_bounded_in_length_and_number(void **state)
{
    struct notices notices = { 0 };
    char text[2 * NOTICE_SIZE];
    (void)state;
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    text[sizeof text - 2] = '\0';
    assert_true(notices_add(&notices, "%s", text));
    assert_int_equal(strlen(notices.lines[0]), NOTICE_SIZE - 2); /* whole characters of two bytes each */
    assert_false(notices_add(&notices, "%s", text));
    for (int i = 1; i < NOTICES_MAX; i++)
        assert_true(notices_add(&notices, "notice %d", i));
    assert_false(notices_add(&notices, "one too many"));
    assert_int_equal(notices.count, NOTICES_MAX);
    notices_release(&notices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_notice_is_kept_once_as_one_line),
        cmocka_unit_test(notices_are_bounded_in_length_and_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
