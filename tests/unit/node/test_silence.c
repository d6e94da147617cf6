/* For how long nothing was heard. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "src/node/silence.h"

static void it_grows_with_the_time_and_ends_with_a_word(void **state)
{
    struct silence silence;
    (void)state;
    silence_end(&silence, 1000);
    for (int64_t t = 1000; t <= 200000; t += SILENCE_LOOK_MS)
        assert_int_equal(silence_look(&silence, t), t - 1000);
    silence_end(&silence, 200100);
    assert_int_equal(silence_look(&silence, 200101), 1);
}

static void time_without_a_look_does_not_count(void **state)
{
    struct silence silence;
    (void)state;
    silence_end(&silence, 0);
    assert_int_equal(silence_look(&silence, SILENCE_GAP_MS), SILENCE_GAP_MS); /* late, but here */
    assert_int_equal(silence_look(&silence, 1000000), SILENCE_GAP_MS);
    assert_int_equal(silence_look(&silence, 1000500), SILENCE_GAP_MS + 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_grows_with_the_time_and_ends_with_a_word),
        cmocka_unit_test(time_without_a_look_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
