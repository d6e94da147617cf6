/* Whole numbers of a query. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "src/broker/http/query_number.h"

static void digits_within_the_bounds_are_a_number_and_nothing_is_the_fallback(void **state)
{
    static const struct {
        const char *text;
        int64_t number;
    } cases[] = { { "16", 16 }, { "0016", 16 }, { "1024", 1024 }, { NULL, -1 } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t number = 0;
        assert_int_equal(query_number_read("width", cases[i].text, 16, 1024, -1, &number, NULL), 0);
        assert_int_equal(number, cases[i].number);
    }
    int64_t number;
    assert_int_equal(query_number_read("n", "9223372036854775807", 0, INT64_MAX, 0, &number, NULL), 0);
    assert_true(number == INT64_MAX);
    assert_int_equal(query_number_read("n", "9223372036854775808", 0, INT64_MAX, 0, &number, NULL), -1);
}

static void everything_else_is_refused(void **state)
{
    static const char *const texts[] = { "",    "15",  "1025", "-16",   "+16",   " 16",
                                         "16 ", "1x0", "0x20", "1.6e2", "160.0", "99999999999999999999999" };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t number;
        struct err err = ERR_INIT;
        if (!query_number_read("width", texts[i], 16, 1024, 160, &number, &err))
            fail_msg("'%s' is taken", texts[i]);
        assert_non_null(err.text[0] ? err.text : NULL);
    }
    struct err err = ERR_INIT;
    int64_t number;
    query_number_read("width", "+16", 16, 1024, 160, &number, &err);
    assert_string_equal(err.text, "'width' is '+16': it must be a whole number from 16 to 1024");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_within_the_bounds_are_a_number_and_nothing_is_the_fallback),
        cmocka_unit_test(everything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
