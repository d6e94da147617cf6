/* Paths built from names, and what a refusal says. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "dcls/proto/json.h"
#include "src/client/api.h"

static void names_in_a_path_are_encoded(void **state)
{
    struct buf path;
    (void)state;
    buf_init(&path, API_PATH_MAX);
    assert_int_equal(buf_puts(&path, "/x/"), 0);
    assert_int_equal(api_add_segment(&path, "a b/../ü?"), 0);
    assert_int_equal(api_add_query(&path, "model", NULL), 0);
    assert_int_equal(api_add_query(&path, "node", "n&m=1"), 0);
    assert_int_equal(api_add_query(&path, "top", "3"), 0);
    assert_string_equal(buf_text(&path), "/x/a%20b%2F..%2F%C3%BC%3F?node=n%26m%3D1&top=3");
    buf_release(&path);
}

static void a_path_over_the_limit_is_refused(void **state)
{
    struct buf path;
    (void)state;
    buf_init(&path, 10);
    assert_int_equal(api_add_segment(&path, "more than ten bytes"), -1);
    buf_release(&path);
}

static void a_refusal_is_told_in_the_brokers_words(void **state)
{
    static const struct {
        const char *body, *text;
    } cases[] = {
        { "{\"error\": \"node 'x' not found\"}", "node 'x' not found" },
        { "{\"error\": \"Node 'x' not found\"}", "node 'x' not found" },
        { "{\"error\": \"HTTP is off\"}", "HTTP is off" },
        { "{\"error\": \"two\\nlines\"}", "two lines" },
        { "{\"error\": 5}", "the broker answered with HTTP status 404" },
        { "{\"error\": \"\"}", "the broker answered with HTTP status 404" },
        { "<html>not found</html>", "the broker answered with HTTP status 404" },
        { "", "the broker answered with HTTP status 404" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = ERR_INIT;
        assert_int_equal(api_refusal(404, cases[i].body, strlen(cases[i].body), &err), -1);
        assert_null(strchr(err.text, '\n'));
        if (!strchr(cases[i].body, '\\'))
            assert_string_equal(err.text, cases[i].text);
    }
}

static void absent_members_are_empty(void **state)
{
    cJSON *object = cJSON_Parse("{\"a\": \"text\", \"n\": 2.5}");
    (void)state;
    assert_string_equal(api_text(object, "a"), "text");
    assert_string_equal(api_text(object, "n"), "");
    assert_string_equal(api_text(NULL, "a"), "");
    assert_true(json_number(object, "n", -1) > 2.4);
    assert_true(json_number(object, "a", -1) < 0);
    cJSON_Delete(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_a_path_are_encoded),
        cmocka_unit_test(a_path_over_the_limit_is_refused),
        cmocka_unit_test(a_refusal_is_told_in_the_brokers_words),
        cmocka_unit_test(absent_members_are_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
