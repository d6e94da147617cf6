/* Names, and JSON printed as Python's json.dumps spaces it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"
#include "dcls/proto/json.h"

static void names_are_of_the_small_alphabet(void **state)
{
    (void)state;
    static const char *const good[] = { "a", "Z9", "node0", "resnet-1", "a.b_c-d", "0" };
    static const char *const bad[] = {
        "", ".", "..", ".a", "-a", "_a", "a b", "a/b", "a\\b", "a\n", "\xc3\xa9", "a%2f"
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(name_is_valid(good[i]));
        assert_true(name_is_key(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(name_is_valid(bad[i]));
        assert_false(name_is_key(bad[i]));
    }
    assert_false(name_is_valid(NULL));
    assert_true(name_is_key("train:1795410898271"));
    assert_false(name_is_valid("train:1"));
    assert_false(name_is_key(":a"));
}

static void a_name_has_at_most_64_characters(void **state)
{
    (void)state;
    char name[67];
    memset(name, 'a', sizeof name);
    name[64] = '\0';
    assert_true(name_is_valid(name));
    name[64] = 'a';
    name[65] = '\0';
    assert_false(name_is_valid(name));
    assert_false(name_is_key(name));
}

static void expect_number(double value, const char *wanted)
{
    struct buf out;
    buf_init(&out, 100);
    assert_int_equal(json_print_number(value, &out), 0);
    assert_string_equal(buf_text(&out), wanted);
    assert_true(strtod(wanted, NULL) == value);
    buf_release(&out);
}

static void numbers_print_in_as_few_digits_as_read_back_the_same(void **state)
{
    (void)state;
    expect_number(0, "0");
    expect_number(10, "10");
    expect_number(-7, "-7");
    expect_number(1795410898271.0, "1795410898271");
    expect_number(9007199254740991.0, "9007199254740991");
    expect_number(0.01, "0.01");
    expect_number(0.001, "0.001");
    expect_number(0.1 + 0.2, "0.30000000000000004");
    expect_number(1e-05, "1e-05");
    expect_number(45.5731, "45.5731");
    expect_number(1234567.5, "1234567.5");
    expect_number(1e300, "1e+300");
    expect_number(5e-324, "5e-324");
    assert_int_equal(json_print_number(INFINITY, &(struct buf){ .max = 10 }), -1);
    assert_int_equal(json_print_number(NAN, &(struct buf){ .max = 10 }), -1);
}

static void values_print_with_a_space_after_comma_and_colon(void **state)
{
    (void)state;
    struct buf out;
    cJSON *value = cJSON_Parse("{\"a\":[1,2.5,\"x\\u00e9\\n\"],\"b\":{},\"c\":[],\"d\":null,\"e\":true,\"f\":false}");
    buf_init(&out, 1000);
    assert_int_equal(json_print_spaced(value, &out), 0);
    assert_string_equal(buf_text(&out), "{\"a\": [1, 2.5, \"x\xc3\xa9\\n\"], \"b\": {}, \"c\": [], \"d\": null, "
                                        "\"e\": true, \"f\": false}");
    assert_non_null(cJSON_AddRawToObject(value, "g", "[1,2]"));
    buf_clear(&out);
    assert_int_equal(json_print_spaced(value, &out), 0);
    assert_non_null(strstr(buf_text(&out), "\"f\": false, \"g\": [1,2]}"));
    cJSON_Delete(value);
    buf_release(&out);
}

static void the_size_of_a_string_is_what_it_takes_when_it_is_printed(void **state)
{
    static const char *const texts[] = { "",         "cow",   "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x84",
                                         "\xff\xfe", "a\xc3", "\xe2\x82" };
    struct buf out;
    (void)state;
    for (size_t i = 0; i < 255 + sizeof texts / sizeof *texts; i++) {
        char byte[] = { (char)(i + 1), '\0' };
        const char *text = i < 255 ? byte : texts[i - 255];
        buf_init(&out, 100);
        assert_int_equal(json_print_string(text, &out), 0);
        assert_int_equal(json_string_size(text), out.len);
        buf_release(&out);
    }
}

static void what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    struct buf out;
    cJSON *value = cJSON_Parse("{\"a\":[1,2,3,4,5,6,7,8,9]}");
    for (size_t max = 3; max < 37; max++) {
        buf_init(&out, max);
        assert_int_equal(buf_puts(&out, "abc"), 0);
        assert_int_equal(json_print_spaced(value, &out), -1);
        assert_string_equal(buf_text(&out), "abc");
        buf_release(&out);
    }
    buf_init(&out, 37);
    buf_puts(&out, "abc");
    assert_int_equal(json_print_spaced(value, &out), 0);
    assert_int_equal(out.len, 37);
    buf_release(&out);
    cJSON_Delete(value);
}

static void a_number_as_an_int_is_cut_to_what_that_holds(void **state)
{
    static const struct {
        const char *value;
        int read;
    } cases[] = { { "7.9", 7 },   { "-7", -7 },  { "1e300", INT_MAX },     { "-1e300", INT_MIN },
                  { "\"7\"", 5 }, { "null", 5 }, { "2147483648", INT_MAX } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        struct err err = ERR_INIT;
        snprintf(text, sizeof text, "{\"n\": %s}", cases[i].value);
        cJSON *object = json_parse(text, strlen(text), &err);
        assert_non_null(object);
        assert_int_equal(json_int(object, "n", 5), cases[i].read);
        assert_int_equal(json_int(object, "other", 5), 5);
        cJSON_Delete(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_of_the_small_alphabet),
        cmocka_unit_test(a_number_as_an_int_is_cut_to_what_that_holds),
        cmocka_unit_test(a_name_has_at_most_64_characters),
        cmocka_unit_test(numbers_print_in_as_few_digits_as_read_back_the_same),
        cmocka_unit_test(values_print_with_a_space_after_comma_and_colon),
        cmocka_unit_test(the_size_of_a_string_is_what_it_takes_when_it_is_printed),
        cmocka_unit_test(what_does_not_fit_leaves_the_buffer_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
