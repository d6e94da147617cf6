/* Tables, and text from elsewhere made harmless. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/client/table.h"
#include "src/client/text.h"

static void assert_prints_on(size_t screen, const struct table *table, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_int_equal(table_print(table, out, screen), 0);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void assert_prints(const struct table *table, const char *expected)
{
    assert_prints_on(0, table, expected);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    static const char *const headings[] = { "NAME", ">SIZE", "NOTE" };
    struct table table;
    (void)state;
    table_init(&table, headings, 3);
    table_cell(&table, "a");
    table_cellf(&table, "%d", 12345);
    table_cell(&table, "");
    table_cell(&table, "kühe-und-schafe");
    table_cellf(&table, "%d", 7);
    table_cell(&table, "x");
    assert_prints(&table, "NAME              SIZE  NOTE\n"
                          "a                12345\n"
                          "kühe-und-schafe      7  x\n");
    table_release(&table);
}

static void a_column_without_a_heading_is_a_plain_list(void **state)
{
    static const char *const headings[] = { "" };
    struct table table;
    (void)state;
    table_init(&table, headings, 1);
    table_cell(&table, "./images/a.jpg");
    table_cell(&table, "./images/b.jpg");
    assert_prints(&table, "./images/a.jpg\n./images/b.jpg\n");
    table_release(&table);
}

static void control_characters_never_reach_the_screen(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(text_clean(&out,
                                "a\033[2Jb\rc\nd\te\x7f\xc2\x9b"
                                "f ü €",
                                TEXT_ONE_LINE),
                     0);
    assert_string_equal(buf_text(&out), "a?[2Jb?c?d?e??f ü €");
    buf_clear(&out);
    assert_int_equal(text_clean(&out, "a\nb\tc\r\033", TEXT_KEEP_LINES), 0);
    assert_string_equal(buf_text(&out), "a\nb\tc??");
    buf_release(&out);
}

static void what_turns_text_around_or_is_no_text_is_replaced(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(text_clean(&out,
                                "a\xe2\x80\xae"
                                "b\xe2\x81\xa6"
                                "c\xd8\x9c\xe2\x80\xa8\xe2\x80\x8f\xff\xe7\x8c|\xed\xa0\x80|\xe7\x8c\xab",
                                TEXT_KEEP_LINES),
                     0);
    assert_string_equal(buf_text(&out), "a?b?c??????|???|\xe7\x8c\xab");
    buf_release(&out);
}

static void a_character_takes_the_columns_that_a_screen_gives_it(void **state)
{
    static const struct {
        const char *text;
        size_t columns;
    } cases[] = { { "", 0 },
                  { "abc", 3 },
                  { "k\xc3\xbche", 4 },
                  { "\xe7\x8c\xab", 2 },     /* a cat */
                  { "\xf0\x9f\x90\x88", 2 }, /* another */
                  { "e\xcc\x81", 1 },        /* an e and a combining accent */
                  { "\xed\x95\x9c\xea\xb5\xad\xec\x96\xb4", 6 },
                  { "\xef\xbd\xb6", 1 }, /* half-width */
                  { "\xef\xbc\xa1", 2 }, /* full-width */
                  { "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", 4 },
                  { "a\nb\t\033", 5 }, /* a question mark each */
                  { "\xe2\x80\xae\xff\xfe", 3 } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (text_columns(cases[i].text) != cases[i].columns)
            fail_msg("'%s' takes %zu columns", cases[i].text, text_columns(cases[i].text));
}

static void a_cut_is_between_two_characters(void **state)
{
    (void)state;
    static const char *const wanted[] = { "",
                                          "a",
                                          "a",
                                          "a\xe7\x8c\xab",
                                          "a\xe7\x8c\xab"
                                          "e\xcc\x81",
                                          "a\xe7\x8c\xab"
                                          "e\xcc\x81",
                                          "a\xe7\x8c\xab"
                                          "e\xcc\x81\xf0\x9f\x90\x88" };
    for (size_t columns = 0; columns < sizeof wanted / sizeof *wanted; columns++) {
        char text[] = "a\xe7\x8c\xab"
                      "e\xcc\x81\xf0\x9f\x90\x88";
        text_cut(text, columns);
        assert_string_equal(text, wanted[columns]);
    }
}

static void wide_and_combined_characters_line_up(void **state)
{
    static const char *const headings[] = { "CLASS", ">IMAGES" };
    struct table table;
    (void)state;
    table_init(&table, headings, 2);
    static const char *const names[] = { "\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab", "cafe\xcc\x81",
                                         "\xe2\x80\xae"
                                         "abc" };
    for (size_t i = 0; i < 3; i++) {
        table_cell(&table, names[i]);
        table_cellf(&table, "%zu", i);
    }
    assert_prints(&table, "CLASS   IMAGES\n"
                          "\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab       0\n"
                          "cafe\xcc\x81         1\n"
                          "?abc         2\n");
    table_release(&table);
}

static void a_row_wider_than_the_screen_becomes_a_block(void **state)
{
    static const char *const headings[] = { "NAME", ">SIZE", "NOTE" }, *const list[] = { "" };
    struct table table;
    (void)state;
    table_init(&table, headings, 3);
    static const char *const cells[] = { "node0", "12", "\xe7\x8c\xab is long", "b", "3", "" };
    for (size_t i = 0; i < 6; i++)
        table_cell(&table, cells[i]);
    static const char *const rows = "NAME   SIZE  NOTE\n"
                                    "node0    12  \xe7\x8c\xab is long\n"
                                    "b         3\n";
    assert_prints_on(0, &table, rows);
    assert_prints_on(23, &table, rows);
    assert_prints_on(22, &table,
                     "NAME  node0\n"
                     "SIZE  12\n"
                     "NOTE  \xe7\x8c\xab is long\n"
                     "\n"
                     "NAME  b\n"
                     "SIZE  3\n");
    table_release(&table);
    table_init(&table, list, 1); /* what is one column is taken from the screen as it is */
    table_cell(&table, "./images/a-long-path.jpg");
    assert_prints_on(10, &table, "./images/a-long-path.jpg\n");
    table_release(&table);
}

static void a_cell_is_one_line(void **state)
{
    static const char *const headings[] = { "N" };
    struct table table;
    (void)state;
    table_init(&table, headings, 1);
    table_cell(&table, "two\nlines");
    assert_prints(&table, "N\ntwo?lines\n");
    table_release(&table);
}

static void bytes_read_in_their_unit(void **state)
{
    static const struct {
        double bytes;
        const char *text;
    } cases[] = { { 0, "0 B" },  { 1023, "1023 B" }, { 1024, "1.0 KiB" },    { 46827520, "44.7 MiB" },
                  { -5, "0 B" }, { NAN, "0 B" },     { 1048575, "1.0 MiB" }, { 8.6e9, "8.0 GiB" } };
    char text[TEXT_BYTES_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text_bytes(text, cases[i].bytes);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(a_column_without_a_heading_is_a_plain_list),
        cmocka_unit_test(control_characters_never_reach_the_screen),
        cmocka_unit_test(what_turns_text_around_or_is_no_text_is_replaced),
        cmocka_unit_test(a_character_takes_the_columns_that_a_screen_gives_it),
        cmocka_unit_test(a_cut_is_between_two_characters),
        cmocka_unit_test(wide_and_combined_characters_line_up),
        cmocka_unit_test(a_row_wider_than_the_screen_becomes_a_block),
        cmocka_unit_test(a_cell_is_one_line),
        cmocka_unit_test(bytes_read_in_their_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
