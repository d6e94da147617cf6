/* LZW codes: strings, the widths of codes, and what is broken. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "nn/data/lzw.h"

static void expect_indices(struct lzw *lzw, int code, const char *expected, int count)
{
    const uint8_t *indices = NULL;
    assert_int_equal(lzw_expand(lzw, code, &indices), count);
    assert_memory_equal(indices, expected, (size_t)count);
}

static void expect_none(struct lzw *lzw, int code, int expected)
{
    const uint8_t *indices = NULL;
    assert_int_equal(lzw_expand(lzw, code, &indices), expected);
    assert_null(indices);
}

static void a_code_stands_for_an_earlier_string_and_one_index(void **state)
{
    (void)state;
    struct lzw lzw;
    assert_int_equal(lzw_init(&lzw, 2), 0); /* 4 is clear, 5 the end */
    expect_indices(&lzw, 1, "\1", 1);
    expect_indices(&lzw, 2, "\2", 1);       /* 6: 1 2 */
    expect_indices(&lzw, 6, "\1\2", 2);     /* 7: 2 1 */
    expect_indices(&lzw, 8, "\1\2\1", 3);   /* 8, just added: 1 2 1 */
    expect_indices(&lzw, 9, "\1\2\1\1", 4); /* 9, likewise */
    expect_indices(&lzw, 7, "\2\1", 2);
    expect_none(&lzw, 5, LZW_END);
}

static void codes_widen_as_strings_are_added_and_a_clear_code_undoes_it(void **state)
{
    (void)state;
    struct lzw lzw;
    assert_int_equal(lzw_init(&lzw, 2), 0);
    assert_int_equal(lzw.bits, 3);
    expect_indices(&lzw, 0, "\0", 1);
    expect_indices(&lzw, 0, "\0", 1); /* 6 */
    assert_int_equal(lzw.bits, 3);
    expect_indices(&lzw, 0, "\0", 1); /* 7: 8 needs another bit */
    assert_int_equal(lzw.bits, 4);
    expect_none(&lzw, 4, LZW_CLEARED);
    assert_int_equal(lzw.bits, 3);
    expect_none(&lzw, 6, LZW_BROKEN); /* not there any more */
}

static void a_full_table_stays_as_it_is_until_a_clear_code(void **state)
{
    (void)state;
    struct lzw lzw;
    assert_int_equal(lzw_init(&lzw, 8), 0);
    for (int i = 0; i < 3 * LZW_CODES; i++) {
        const char index = (char)(i % 256);
        expect_indices(&lzw, i % 256, &index, 1);
    }
    assert_int_equal(lzw.bits, 12);
    expect_indices(&lzw, 258, "\0\1", 2);
    expect_indices(&lzw, LZW_CODES - 1, "\xfd\xfe", 2); /* the string of code 4095: 4095 - 258 is 13 * 256 + 253 */
    expect_indices(&lzw, LZW_CODES - 1, "\xfd\xfe", 2);
    expect_none(&lzw, 256, LZW_CLEARED);
    assert_int_equal(lzw.bits, 9);
}

static void what_no_code_can_mean_is_broken(void **state)
{
    (void)state;
    struct lzw lzw;
    assert_int_equal(lzw_init(&lzw, 13), -1);
    assert_int_equal(lzw_init(&lzw, 2), 0);
    expect_none(&lzw, 6, LZW_BROKEN); /* the first code is an index */
    expect_indices(&lzw, 3, "\3", 1);
    expect_none(&lzw, 7, LZW_BROKEN); /* 6 is the one that comes next */
    assert_int_equal(lzw_init(&lzw, 12), 0);
    expect_indices(&lzw, 1, "\1", 1);
    expect_indices(&lzw, 4098, "\1\1", 2); /* the one that comes next, but has no room */
    expect_none(&lzw, 4098, LZW_BROKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_stands_for_an_earlier_string_and_one_index),
        cmocka_unit_test(codes_widen_as_strings_are_added_and_a_clear_code_undoes_it),
        cmocka_unit_test(a_full_table_stays_as_it_is_until_a_clear_code),
        cmocka_unit_test(what_no_code_can_mean_is_broken),
    };
    return cmocka_run_group_tests_name("lzw", tests, NULL, NULL);
}
