/* Prometheus' text: what is escaped, how numbers read, and histograms. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "src/broker/exposition.h"

static void assert_text(struct buf *out, const char *expected)
{
    assert_string_equal(buf_text(out), expected);
    buf_release(out);
}

static void a_family_has_its_help_and_type_before_its_samples(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 10000);
    assert_int_equal(exposition_value(&out, "x_bytes", "gauge", "A \\ and a\nline.", 7), 0);
    assert_text(&out, "# HELP x_bytes A \\\\ and a\\nline.\n# TYPE x_bytes gauge\nx_bytes 7\n");
}

static void label_values_are_escaped(void **state)
{
    (void)state;
    const struct label labels[] = { { "model", "a\"b\\c\nd" }, { "node", "" }, { "it", "\xc3\xa9{}" }, { NULL, NULL } };
    struct buf out;
    buf_init(&out, 10000);
    assert_int_equal(exposition_sample(&out, "x", labels, 1), 0);
    assert_text(&out, "x{model=\"a\\\"b\\\\c\\nd\",node=\"\",it=\"\xc3\xa9{}\"} 1\n");
}

static void numbers_read_back_as_they_were(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = { { 0, "x 0\n" },
                  { -3, "x -3\n" },
                  { 0.1, "x 0.1\n" },
                  { 1.0 / 3, "x 0.3333333333333333\n" },
                  { 1795410898.271, "x 1795410898.271\n" },
                  { 123456789012345, "x 123456789012345\n" },
                  { 1e300, "x 1e+300\n" },
                  { INFINITY, "x +Inf\n" },
                  { -INFINITY, "x -Inf\n" },
                  { NAN, "x NaN\n" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        buf_init(&out, 10000);
        assert_int_equal(exposition_sample(&out, "x", NULL, cases[i].value), 0);
        assert_text(&out, cases[i].text);
    }
}

static void a_histogram_counts_up_to_each_bound(void **state)
{
    (void)state;
    static const double bounds[] = { 0.5, 1, 10 };
    static const double values[] = { 0, 0.5, 0.75, 10, 11, NAN, INFINITY, -1 };
    struct histogram histogram = { .bounds = bounds, .bound_count = 3 };
    struct buf out;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        histogram_observe(&histogram, values[i]);
    buf_init(&out, 10000);
    assert_int_equal(exposition_histogram(&out, "t_seconds", "Time.", &histogram), 0);
    assert_text(&out, "# HELP t_seconds Time.\n# TYPE t_seconds histogram\n"
                      "t_seconds_bucket{le=\"0.5\"} 2\nt_seconds_bucket{le=\"1\"} 3\nt_seconds_bucket{le=\"10\"} 4\n"
                      "t_seconds_bucket{le=\"+Inf\"} 5\nt_seconds_sum 22.25\nt_seconds_count 5\n");
}

static void what_has_no_room_fails(void **state)
{
    (void)state;
    static const double bounds[] = { 1 };
    const struct histogram histogram = { .bounds = bounds, .bound_count = 1 };
    const struct label labels[] = { { "a", "b" }, { NULL, NULL } };
    for (size_t room = 0; room < 10; room++) {
        struct buf out;
        buf_init(&out, room);
        assert_int_equal(exposition_value(&out, "x", "gauge", "Help.", 1), -1);
        buf_clear(&out);
        assert_int_equal(exposition_sample(&out, "x", labels, 1), -1);
        buf_clear(&out);
        assert_int_equal(exposition_histogram(&out, "x", "Help.", &histogram), -1);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_has_its_help_and_type_before_its_samples),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(numbers_read_back_as_they_were),
        cmocka_unit_test(a_histogram_counts_up_to_each_bound),
        cmocka_unit_test(what_has_no_room_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
