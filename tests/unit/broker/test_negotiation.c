/* What Accept-Encoding and If-None-Match say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "src/broker/http/negotiation.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void gzip_is_taken_where_it_is_named_and_not_refused(void **state)
{
    (void)state;
    static const char *const takes[] = { "gzip",     "GZIP",         "deflate, gzip, br",  "br,gzip;q=0.001",
                                         " ,, gzip", "gzip ; q=0.5", "x-gzip, gzip;q=1.0", "gzip;level=0" };
    static const char *const does_not[] = { "",         "identity",     "x-gzip",        "gzipped", "*",
                                            "gzip;q=0", "gzip; q=0.00", "deflate;gzip",  ",;,",     "br;q=1",
                                            "gzi",      "gzip;Q=0.0",   "gzip;q=0, gzip" };
    for (size_t i = 0; i < COUNT(takes); i++)
        assert_true(negotiation_takes_gzip(takes[i]));
    for (size_t i = 0; i < COUNT(does_not); i++)
        assert_false(negotiation_takes_gzip(does_not[i]));
    assert_false(negotiation_takes_gzip(NULL));
}

static void a_tag_is_known_in_a_list_weak_or_strong(void **state)
{
    (void)state;
    static const char *const has[] = { "W/\"ab\"", "\"ab\"", "*", "\"x\", W/\"ab\" , \"y\"", " * ", "\"a,b\",\"ab\"" };
    static const char *const has_not[] = { "", "ab", "\"AB\"", "W/", "W/\"abc\"", "\"a\"", "w/\"ab\"", "**", "\"ab" };
    for (size_t i = 0; i < COUNT(has); i++) {
        assert_true(negotiation_has(has[i], "W/\"ab\""));
        assert_true(negotiation_has(has[i], "\"ab\""));
    }
    for (size_t i = 0; i < COUNT(has_not); i++)
        assert_false(negotiation_has(has_not[i], "W/\"ab\""));
    assert_false(negotiation_has(NULL, "\"ab\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_is_taken_where_it_is_named_and_not_refused),
        cmocka_unit_test(a_tag_is_known_in_a_list_weak_or_strong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
