/* What is UTF-8, and which character it is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "dcls/base/utf8.h"

static void each_character_has_its_size_and_code(void **state)
{
    static const struct {
        const char *text;
        uint32_t code;
    } cases[] = { { "a", 'a' },
                  { "\x7f", 0x7f },
                  { "\xc2\x80", 0x80 },
                  { "\xdf\xbf", 0x7ff },
                  { "\xe0\xa0\x80", 0x800 },
                  { "\xed\x9f\xbf", 0xd7ff },
                  { "\xe7\x8c\xab", 0x732b },
                  { "\xef\xbf\xbf", 0xffff },
                  { "\xf0\x90\x80\x80", 0x10000 },
                  { "\xf0\x9f\x90\x88", 0x1f408 },
                  { "\xf4\x8f\xbf\xbf", 0x10ffff } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = strlen(cases[i].text);
        assert_int_equal(utf8_size(cases[i].text, len), len);
        assert_int_equal(utf8_size(cases[i].text, 99), len);
        assert_int_equal(utf8_code(cases[i].text, len), cases[i].code);
        assert_true(utf8_is_valid(cases[i].text));
        for (size_t cut = 0; cut < len; cut++)
            assert_int_equal(utf8_size(cases[i].text, cut), 0);
    }
    assert_true(utf8_is_valid(""));
}

static void overlong_forms_surrogates_and_stray_bytes_are_no_characters(void **state)
{
    static const char *const cases[] = { "\x80",
                                         "\xbf",
                                         "\xc0\xaf",
                                         "\xc1\xbf",
                                         "\xc3(",
                                         "\xe0\x9f\xbf",
                                         "\xed\xa0\x80",
                                         "\xed\xbf\xbf",
                                         "\xe7\x8c",
                                         "\xe7\x8c(",
                                         "\xf0\x8f\xbf\xbf",
                                         "\xf4\x90\x80\x80",
                                         "\xf5",
                                         "\xfe",
                                         "\xff" };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char within[16] = "a";
        assert_int_equal(utf8_size(cases[i], strlen(cases[i])), 0);
        strncat(within, cases[i], sizeof within - 2);
        assert_false(utf8_is_valid(within));
    }
}

static void what_acts_on_a_screen_is_a_control_character(void **state)
{
    static const uint32_t controls[] = { 0,      '\n',   0x1b,   0x7f,   0x80,   0x9b,   0x61c, 0x200e,
                                         0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069 };
    static const uint32_t shown[] = { ' ', 'a', 0xa0, 0xe9, 0x5d0, 0x301, 0x200d, 0x2019, 0x732b, 0xfe0f, 0x1f408 };
    (void)state;
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
        assert_true(utf8_is_control(controls[i]));
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        assert_false(utf8_is_control(shown[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_character_has_its_size_and_code),
        cmocka_unit_test(what_acts_on_a_screen_is_a_control_character),
        cmocka_unit_test(overlong_forms_surrogates_and_stray_bytes_are_no_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
