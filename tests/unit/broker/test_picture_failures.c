/* What could not be made a picture of is told again for some minutes, and then tried. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/broker/picture_failures.h"

static const struct err err = { "it crashed" };

static void a_certain_failure_is_told_for_some_minutes(void **state)
{
    struct picture_failures *failures = calloc(1, sizeof *failures);
    (void)state;
    assert_null(picture_failures_find(failures, "a", 0));
    picture_failures_add(failures, "a", FAULT_CERTAIN, 504, &err, 1000);
    const struct picture_failure *found = picture_failures_find(failures, "a", 1000 + PICTURE_FAILURE_MS - 1);
    assert_non_null(found);
    assert_int_equal(found->status, 504);
    assert_string_equal(found->err.text, "it crashed");
    assert_null(picture_failures_find(failures, "b", 1000));
    assert_null(picture_failures_find(failures, "a", 1000 + PICTURE_FAILURE_MS));
    free(failures);
}

static void what_may_have_been_chance_is_told_from_the_second_time_on(void **state)
{
    struct picture_failures *failures = calloc(1, sizeof *failures);
    (void)state;
    picture_failures_add(failures, "a", FAULT_MAYBE, 500, &err, 0);
    assert_null(picture_failures_find(failures, "a", 1));
    picture_failures_add(failures, "a", FAULT_MAYBE, 500, &err, PICTURE_FAILURE_MS); /* the first is forgotten */
    assert_null(picture_failures_find(failures, "a", PICTURE_FAILURE_MS + 1));
    picture_failures_add(failures, "a", FAULT_MAYBE, 500, &err, PICTURE_FAILURE_MS + 2);
    assert_non_null(picture_failures_find(failures, "a", PICTURE_FAILURE_MS + 3));
    free(failures);
}

static void of_too_many_the_oldest_is_forgotten(void **state)
{
    struct picture_failures *failures = calloc(1, sizeof *failures);
    char key[16];
    (void)state;
    for (int i = 0; i <= PICTURE_FAILURES_MAX; i++) {
        snprintf(key, sizeof key, "%d", i);
        picture_failures_add(failures, key, FAULT_CERTAIN, 504, &err, i);
    }
    assert_null(picture_failures_find(failures, "0", 300));
    for (int i = 1; i <= PICTURE_FAILURES_MAX; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_non_null(picture_failures_find(failures, key, 300));
    }
    free(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certain_failure_is_told_for_some_minutes),
        cmocka_unit_test(what_may_have_been_chance_is_told_from_the_second_time_on),
        cmocka_unit_test(of_too_many_the_oldest_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
