/* The Range header. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "src/broker/http/range.h"

struct expected {
    const char *header;
    int64_t size;
    enum range range;
    int64_t from, count;
};

static void check(const struct expected *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t from = -1, n = -1;
        enum range range = range_parse(rows[i].header, rows[i].size, &from, &n);
        if (range != rows[i].range || from != rows[i].from || n != rows[i].count)
            fail_msg("'%s' of %d: %d, %d+%d", rows[i].header, (int)rows[i].size, (int)range, (int)from, (int)n);
    }
}

static void one_range_of_bytes_is_read(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        { "bytes=0-", 10, RANGE_PART, 0, 10 },   { "bytes=3-", 10, RANGE_PART, 3, 7 },
        { "bytes=3-3", 10, RANGE_PART, 3, 1 },   { "bytes=3-5", 10, RANGE_PART, 3, 3 },
        { "bytes=9-100", 10, RANGE_PART, 9, 1 }, { "bytes=-4", 10, RANGE_PART, 6, 4 },
        { "bytes=-40", 10, RANGE_PART, 0, 10 },  { "bytes=0-99999999999999999999999", 10, RANGE_PART, 0, 10 },
    };
    check(rows, sizeof rows / sizeof *rows);
}

static void a_range_behind_the_end_is_unsatisfiable(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        { "bytes=10-", 10, RANGE_UNSATISFIABLE, 0, 10 },
        { "bytes=10-20", 10, RANGE_UNSATISFIABLE, 0, 10 },
        { "bytes=-0", 10, RANGE_UNSATISFIABLE, 0, 10 },
        { "bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=-5", 0, RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=99999999999999999999999-", 10, RANGE_UNSATISFIABLE, 0, 10 },
    };
    check(rows, sizeof rows / sizeof *rows);
}

static void what_is_not_understood_gets_the_whole(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        { NULL, 10, RANGE_WHOLE, 0, 10 },
        { "", 10, RANGE_WHOLE, 0, 10 },
        { "bytes", 10, RANGE_WHOLE, 0, 10 },
        { "bytes=", 10, RANGE_WHOLE, 0, 10 },
        { "bytes=-", 10, RANGE_WHOLE, 0, 10 },
        { "bytes=5-4", 10, RANGE_WHOLE, 0, 10 },
        { "bytes=1-2,4-5", 10, RANGE_WHOLE, 0, 10 },
        { "lines=1-2", 10, RANGE_WHOLE, 0, 10 },
        { "bytes=1", 10, RANGE_WHOLE, 0, 10 },
        { "bytes=a-b", 10, RANGE_WHOLE, 0, 10 },
        { "bytes=1-2x", 10, RANGE_WHOLE, 0, 10 },
        { "bytes=--1", 10, RANGE_WHOLE, 0, 10 },
    };
    check(rows, sizeof rows / sizeof *rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_range_of_bytes_is_read),
        cmocka_unit_test(a_range_behind_the_end_is_unsatisfiable),
        cmocka_unit_test(what_is_not_understood_gets_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
