#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>

#include "dcls/base/backoff.h"

static void each_wait_is_twice_as_long_up_to_the_last(void **state)
{
    static const int64_t waits[] = { 500, 1000, 2000, 4000, 5000, 5000 };
    (void)state;
    for (int i = 0; i < 6; i++)
        assert_int_equal(backoff_ms(i, 500, 5000), waits[i]);
    assert_int_equal(backoff_ms(INT_MAX, 500, 5000), 5000);
}

static void the_last_bounds_the_first(void **state)
{
    (void)state;
    assert_int_equal(backoff_ms(0, 500, 100), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wait_is_twice_as_long_up_to_the_last),
        cmocka_unit_test(the_last_bounds_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
