/* The figures that are made of the times. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "src/bench/memory.h"
#include "src/bench/peak.h"
#include "src/bench/report.h"

static void the_median_of_an_odd_number_is_the_middle_one(void **state)
{
    (void)state;
    double seconds[] = { 5, 1, 4, 2, 9 };
    struct bench_report report = { 0 };
    report_times(&report, seconds, 5);
    assert_true(report.median == 4 && report.min == 1 && report.steps == 5);
    report_times(&report, seconds + 4, 1);
    assert_true(report.median == 9 && report.min == 9);
}

static void the_median_of_an_even_number_is_half_way_between_the_middle_two(void **state)
{
    (void)state;
    double seconds[] = { 8, 1, 2, 3 };
    struct bench_report report = { 0 };
    report_times(&report, seconds, 4);
    assert_true(report.median == 2.5 && report.min == 1);
}

static void the_peak_of_memory_grows_by_what_is_touched_and_stays(void **state)
{
    (void)state;
    enum { BYTES = 64 << 20, SLACK = 1 << 20 }; /* the kernel counts in batches */
    int64_t before = memory_peak();
    assert_true(before > 0);
    volatile char *memory = test_malloc(BYTES);
    for (size_t i = 0; i < BYTES; i += 4096)
        memory[i] = 1;
    int64_t during = memory_peak();
    test_free((char *)memory);
    assert_true(during > before + BYTES / 2 && during < before + 2LL * BYTES);
    assert_true(memory_peak() > during - SLACK);
}

static void the_peak_is_that_of_a_core(void **state)
{
    (void)state;
    const char *isa = NULL;
    double flops = peak_flops(&isa);
    assert_non_null(isa);
    assert_true(flops > 1e9 && flops < 1e12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_of_an_odd_number_is_the_middle_one),
        cmocka_unit_test(the_median_of_an_even_number_is_half_way_between_the_middle_two),
        cmocka_unit_test(the_peak_of_memory_grows_by_what_is_touched_and_stays),
        cmocka_unit_test(the_peak_is_that_of_a_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
