/* Who is let in: by Host, by Origin, and where a browser sends no Origin. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "src/broker/access.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define OURS "127.0.0.1:8001"

/* Of a broker that is started with these options; NULL: without. */
static struct access *started_with(const char *names, const char *origins)
{
    struct err err = ERR_INIT;
    struct access *access = access_new();
    assert_non_null(access);
    if (names)
        assert_int_equal(access_add_names(access, names, &err), 0);
    if (origins)
        assert_int_equal(access_add_origins(access, origins, &err), 0);
    return access;
}

static struct refusal refusal;
static struct access_grant grant;

/* 0, or the status of the refusal. */
static int ask(const struct access *access, struct access_request request)
{
    refusal = (struct refusal){ 0 };
    if (!access_check(access, &request, &grant, &refusal))
        return 0;
    assert_false(grant.to_origin || grant.to_others);
    assert_true(*refusal.err.text);
    return refusal.status;
}

static int ask_by_host(const struct access *access, const char *host)
{
    return ask(access, (struct access_request){ .host = host });
}

static int ask_from(const struct access *access, const char *host, const char *origin, bool writes)
{
    return ask(access, (struct access_request){ .host = host, .origin = origin, .writes = writes });
}

static void a_host_is_an_address_or_a_name_of_ours(void **state)
{
    (void)state;
    struct access *access = started_with("box,box.lan,Photos.Example.", NULL);
    static const char *const known[] = { OURS,          "localhost",      "LOCALHOST.:1", "[::1]:8001",
                                         "192.168.1.2", "[fe80::1]",      "box:8001",     "BOX.",
                                         "box.lan",     "photos.example", "0.0.0.0:8001" };
    static const char *const unknown[] = { "evil.com",
                                           "evil.com:8001",
                                           "localhost.evil.com",
                                           "127.0.0.1.evil.com",
                                           "box.evil",
                                           "abox",
                                           "box.lan.evil.com",
                                           "lan",
                                           "127.1",
                                           "sub.box.lan",
                                           "example",
                                           "2130706433",
                                           "box-",
                                           "photos.example.com",
                                           "x.localhost" };
    static const char *const malformed[] = { "",    " ",    "user@localhost", "localhost,evil.com",
                                             "::1", "[::1", "box:x",          "http://localhost" };
    for (size_t i = 0; i < COUNT(known); i++)
        assert_int_equal(ask_by_host(access, known[i]), 0);
    for (size_t i = 0; i < COUNT(unknown); i++)
        assert_int_equal(ask_by_host(access, unknown[i]), 403);
    for (size_t i = 0; i < COUNT(malformed); i++)
        assert_int_equal(ask_by_host(access, malformed[i]), 400);
    assert_int_equal(ask_by_host(access, NULL), 0); /* HTTP/1.0; a browser has always one */
    access_free(access);
}

static void a_refusal_names_the_option(void **state)
{
    (void)state;
    struct access *access = started_with(NULL, NULL);
    assert_int_equal(ask_by_host(access, "Other.Name:8001"), 403);
    assert_non_null(strstr(refusal.err.text, "--public-name other.name'"));
    assert_int_equal(ask_from(access, OURS, "https://evil.com:81", false), 403);
    assert_non_null(strstr(refusal.err.text, "--allow-origin https://evil.com:81'"));
    assert_int_equal(ask_from(access, OURS, "null", false), 403);
    assert_non_null(strstr(refusal.err.text, "--allow-origin null'"));
    assert_int_equal(ask_from(access, OURS, "a b", false), 403);
    assert_non_null(strstr(refusal.err.text, "--allow-origin'"));
    assert_int_equal(ask(access, (struct access_request){ .host = OURS, .site = "cross-site" }), 403);
    assert_non_null(strstr(refusal.err.text, "--allow-origin'"));
    access_free(access);
}

static void an_origin_of_this_machine_or_of_our_host_may_read_and_write(void **state)
{
    (void)state;
    struct access *access = started_with("box", NULL);
    static const struct {
        const char *host, *origin;
    } ours[] = {
        { OURS, "http://127.0.0.1:8001" },
        { OURS, "http://127.0.0.1:3000" },
        { OURS, "http://localhost:3000" },
        { OURS, "https://localhost" },
        { OURS, "http://[::1]:5173" },
        { "box:8001", "http://localhost:3000" },
        { "box:8001", "http://box:8001" },
        { "box:8001", "http://BOX:3000" },
        { "box:8001", "https://box" },
        { "10.0.0.7:8001", "http://10.0.0.7" },
        { "[fe80::1]", "http://[fe80::1]:3000" },
        { "localhost:8001", "http://127.0.0.99:1" },
        { NULL, "http://localhost:3000" },
    };
    for (size_t i = 0; i < COUNT(ours); i++)
        for (int writes = 0; writes < 2; writes++) {
            assert_int_equal(ask_from(access, ours[i].host, ours[i].origin, writes), 0);
            assert_true(grant.to_origin && grant.to_others && !grant.any_origin);
        }
    access_free(access);
}

static void every_other_origin_may_not_even_read(void **state)
{
    (void)state;
    struct access *access = started_with("box", NULL);
    static const char *const others[] = {
        "http://evil.com",
        "http://evil.com:8001",
        "https://localhost.evil.com",
        "http://127.0.0.1.evil.com:8001",
        "http://box.evil.com",
        "http://evilbox",
        "http://10.0.0.7:8001",
        "http://box.",
        "null",
        "NULL",
        "",
        "*",
        "file://",
        "ftp://localhost",
        "localhost",
        "//localhost",
        "http://localhost/",
        "http://localhost@evil.com",
        "http://evil.com#localhost",
        "http://evil.com, http://localhost",
        "http://localhost http://evil.com",
        "chrome-extension://localhost",
        "moz-extension://abc",
        "http://[::1",
        "http://[::2]",
        "http://128.0.0.1",
        "http://0.0.0.0:8001",
        "http://2130706433",
    };
    for (size_t i = 0; i < COUNT(others); i++)
        for (int writes = 0; writes < 2; writes++)
            assert_int_equal(ask_from(access, OURS, others[i], writes), 403);
    assert_int_equal(ask_from(access, NULL, "http://evil.com", true), 403);
    assert_int_equal(ask_from(access, NULL, "http://", true), 403);
    access_free(access);
}

static void a_page_that_rebinds_its_name_is_of_our_origin_but_does_not_know_ours(void **state)
{
    (void)state;
    struct access *access = started_with("box", NULL);
    assert_int_equal(ask_from(access, "evil.com:8001", "http://evil.com:8001", true), 403);
    assert_non_null(strstr(refusal.err.text, "--public-name"));
    assert_int_equal(ask(access, (struct access_request){ .host = "evil.com:8001", .site = "same-origin" }), 403);
    access_free(access);
    access = started_with("box", "*");
    assert_int_equal(ask_from(access, "evil.com:8001", "http://evil.com:8001", true), 403);
    access_free(access);
}

static void who_is_ours_may_call_us_by_any_name_but_is_no_page(void **state)
{
    (void)state;
    struct access *access = started_with(NULL, NULL);
    struct access_request request = { .host = "another.name:8001", .is_ours = true, .writes = true };
    assert_int_equal(ask(access, request), 0);
    request.origin = "http://evil.com";
    assert_int_equal(ask(access, request), 403);
    request.host = "a b";
    assert_int_equal(ask(access, request), 400);
    access_free(access);
}

static void allowed_origins_are_let_in_as_they_were_named(void **state)
{
    (void)state;
    struct access *access = started_with(NULL, "https://Pages.example:8443,http://other.example");
    assert_int_equal(ask_from(access, OURS, "https://pages.example:8443", true), 0);
    assert_true(grant.to_origin && !grant.any_origin);
    assert_int_equal(ask_from(access, OURS, "http://other.example", true), 0);
    assert_int_equal(ask_from(access, OURS, "http://other.example:80", true), 0);
    static const char *const others[] = { "https://pages.example",
                                          "http://pages.example:8443",
                                          "https://other.example",
                                          "http://other.example:81",
                                          "null",
                                          "http://x.other.example" };
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(ask_from(access, OURS, others[i], false), 403);
    access_free(access);

    access = started_with(NULL, "null");
    assert_int_equal(ask_from(access, OURS, "null", true), 0);
    assert_int_equal(ask_from(access, OURS, "http://evil.com", true), 403);
    access_free(access);

    access = started_with(NULL, "*");
    assert_int_equal(ask_from(access, OURS, "http://evil.com", true), 0);
    assert_true(grant.any_origin);
    assert_int_equal(ask_from(access, OURS, "null", true), 0);
    assert_int_equal(ask(access, (struct access_request){ .host = OURS, .site = "cross-site", .writes = true }), 0);
    assert_true(grant.any_origin && grant.to_others);
    access_free(access);
}

static void without_origin_a_browser_tells_of_which_site_the_page_is(void **state)
{
    (void)state;
    struct access *access = started_with("box", "https://pages.example");
    static const struct {
        struct access_request request;
        int read, write;
    } cases[] = {
        { { .site = NULL }, 0, 0 }, /* curl */
        { { .site = "none" }, 0, 0 },
        { { .site = "same-origin", .mode = "no-cors", .dest = "image" }, 0, 0 },
        { { .site = "same-site", .mode = "no-cors", .dest = "image" }, 0, 403 },
        { { .site = "cross-site", .mode = "no-cors", .dest = "image" }, 403, 403 },
        { { .site = "cross-site", .mode = "no-cors", .dest = "script" }, 403, 403 },
        { { .site = "cross-site", .mode = "cors", .dest = "empty" }, 403, 403 },
        { { .site = "cross-site", .mode = "navigate", .dest = "iframe" }, 403, 403 },
        { { .site = "cross-site", .mode = "navigate", .dest = "document" }, 0, 403 }, /* a link */
        { { .site = "cross-site" }, 403, 403 },
        { { .site = "Same-Origin" }, 403, 403 },
        { { .site = "" }, 403, 403 },
        { { .site = "cross-site", .referer = "http://evil.com/" }, 403, 403 },
        { { .site = "cross-site", .referer = "http://localhost.evil.com/" }, 403, 403 },
        { { .site = "cross-site", .referer = "http://localhost:3000@evil.com/" }, 403, 403 },
        { { .site = "cross-site", .referer = "http://evil.com/?http://localhost/" }, 403, 403 },
        { { .site = "cross-site", .referer = "http://localhost:3000/" }, 0, 0 }, /* the existing page's images */
        { { .site = "cross-site", .referer = "https://pages.example/a" }, 0, 0 },
        { { .site = "cross-site", .referer = "http://pages.example/a" }, 403, 403 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct access_request request = cases[i].request;
        request.host = OURS;
        assert_int_equal(ask(access, request), cases[i].read);
        request.writes = true;
        assert_int_equal(ask(access, request), cases[i].write);
        assert_false(grant.to_origin);
    }
    access_free(access);
}

static void a_page_of_another_site_shows_what_it_is_let_into_alone(void **state)
{
    (void)state;
    struct access *access = started_with(NULL, "https://pages.example");
    static const struct {
        const char *referer;
        bool shows;
    } cases[] = { { NULL, false },
                  { "http://evil.com/", false },
                  { "http://localhost:3000/", true },
                  { "https://pages.example/x", true },
                  { "about:blank", false } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(ask(access, (struct access_request){ .host = OURS, .referer = cases[i].referer }), 0);
        assert_int_equal(grant.to_others, cases[i].shows);
    }
    access_free(access);
}

static void a_list_has_names_or_origins_and_an_end(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct access *access = access_new();
    static const char *const no_names[] = { "", "a,,b", "a,", ",a", "a b", "a:80", "*", "http://a", "a/b", "\xff" };
    static const char *const no_origins[] = { "",     "http://a,", "a",        "http://a/", "null,,*", "**",
                                              "Null", "*.a",       "http://*", "ftp://a",   "http://", "http://a b" };
    for (size_t i = 0; i < COUNT(no_names); i++)
        assert_int_equal(access_add_names(access, no_names[i], &err), -1);
    for (size_t i = 0; i < COUNT(no_origins); i++)
        assert_int_equal(access_add_origins(access, no_origins[i], &err), -1);
    int added = 0;
    while (added < 1000 && !access_add_names(access, "name", &err))
        added++;
    assert_in_range(added, 10, 100);
    for (added = 0; added < 1000 && !access_add_origins(access, "http://name", &err);)
        added++;
    assert_in_range(added, 10, 100);
    access_free(access);
    access_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_is_an_address_or_a_name_of_ours),
        cmocka_unit_test(a_refusal_names_the_option),
        cmocka_unit_test(an_origin_of_this_machine_or_of_our_host_may_read_and_write),
        cmocka_unit_test(every_other_origin_may_not_even_read),
        cmocka_unit_test(a_page_that_rebinds_its_name_is_of_our_origin_but_does_not_know_ours),
        cmocka_unit_test(who_is_ours_may_call_us_by_any_name_but_is_no_page),
        cmocka_unit_test(allowed_origins_are_let_in_as_they_were_named),
        cmocka_unit_test(without_origin_a_browser_tells_of_which_site_the_page_is),
        cmocka_unit_test(a_page_of_another_site_shows_what_it_is_let_into_alone),
        cmocka_unit_test(a_list_has_names_or_origins_and_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
