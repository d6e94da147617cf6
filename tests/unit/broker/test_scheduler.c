/* Which node serves an inference. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "src/broker/scheduler.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void an_inference_goes_to_the_least_busy_holder(void **state)
{
    (void)state;
    const struct schedule_holder holders[] = {
        { "a", "x", false, 2 }, { "b", "x", true, 1 }, { "c", "x", false, 1 }, { "d", "x", false, 1 }
    };
    size_t found;
    assert_int_equal(schedule_inference(holders, COUNT(holders), &found), SCHEDULE_FOUND);
    assert_string_equal(holders[found].node, "c");
    assert_int_equal(schedule_inference(holders, 2, &found), SCHEDULE_FOUND);
    assert_string_equal(holders[found].node, "b");
    assert_int_equal(schedule_inference(holders, 0, &found), SCHEDULE_NONE);
}

static void holders_of_different_digests_are_ambiguous_wherever_they_stand(void **state)
{
    (void)state;
    const struct schedule_holder different[] = {
        { "a", NULL, false, 0 }, { "b", "x", false, 0 }, { "c", NULL, false, 0 }, { "d", "y", false, 0 }
    };
    size_t found;
    assert_int_equal(schedule_inference(different, 4, &found), SCHEDULE_AMBIGUOUS);
    /* A legacy node tells no digest: it is not known to differ. */
    assert_int_equal(schedule_inference(different, 3, &found), SCHEDULE_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_inference_goes_to_the_least_busy_holder),
        cmocka_unit_test(holders_of_different_digests_are_ambiguous_wherever_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
