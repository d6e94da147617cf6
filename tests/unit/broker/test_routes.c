/* How a request's path and method find their endpoint. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "src/broker/http/routes.h"

static enum match match(const char *pattern, const char *method, const char *path, char *args[EXCHANGE_ARGS])
{
    struct route route = { .method = "GET", .path = pattern };
    return route_match(&route, method, path, args);
}

static void a_path_matches_whole_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(match("/jobs", "GET", "/jobs", NULL), MATCH_ROUTE);
    static const char *const others[] = { "/job", "/jobss", "/jobs/", "/jobs/1", "/", "", "//jobs", "/Jobs" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(match("/jobs", "GET", others[i], NULL), MATCH_NONE);
}

static void an_argument_is_one_decoded_segment(void **state)
{
    (void)state;
    char *args[EXCHANGE_ARGS];
    assert_int_equal(match("/models/*/*", "GET", "/models/a%2Db/c+d", args), MATCH_ROUTE);
    assert_string_equal(args[0], "a-b");
    assert_string_equal(args[1], "c+d");
    free(args[0]);
    free(args[1]);
    assert_int_equal(match("/jobs/*/events", "GET", "/jobs/7/events", args), MATCH_ROUTE);
    assert_string_equal(args[0], "7");
    assert_null(args[1]);
    free(args[0]);
}

static void an_argument_that_is_empty_or_hides_a_slash_or_nul_matches_nothing(void **state)
{
    (void)state;
    static const char *const paths[] = { "/jobs/",    "/jobs//",  "/jobs/a%2Fb", "/jobs/a%00",
                                         "/jobs/%00", "/jobs/1/", "/jobs/1/2" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char *args[EXCHANGE_ARGS] = { (char *)"", (char *)"" };
        assert_int_equal(match("/jobs/*", "GET", paths[i], args), MATCH_NONE);
        assert_null(args[0]);
    }
}

static void another_method_is_told_from_another_path(void **state)
{
    (void)state;
    assert_int_equal(match("/jobs/*", "POST", "/jobs/1", NULL), MATCH_PATH);
    assert_int_equal(match("/jobs/*", "HEAD", "/jobs/1", NULL), MATCH_ROUTE);
}

static void the_table_shares_exactly_the_six_endpoints_of_the_existing_page(void **state)
{
    (void)state;
    int shared = 0;
    for (size_t i = 0; i < route_count; i++)
        shared += route_table[i].shared;
    assert_int_equal(shared, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_matches_whole_and_nothing_else),
        cmocka_unit_test(an_argument_is_one_decoded_segment),
        cmocka_unit_test(an_argument_that_is_empty_or_hides_a_slash_or_nul_matches_nothing),
        cmocka_unit_test(another_method_is_told_from_another_path),
        cmocka_unit_test(the_table_shares_exactly_the_six_endpoints_of_the_existing_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
