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

static void assert_prints(const struct table *table, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_int_equal(table_print(table, out), 0);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
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
        cmocka_unit_test(a_cell_is_one_line),
        cmocka_unit_test(bytes_read_in_their_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
