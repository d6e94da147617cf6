/* Hosts and origins as they are written, and as nobody should. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "src/broker/origin.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void a_host_is_a_name_or_an_address_and_a_port(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
        int port;
        bool address, loopback;
    } cases[] = {
        { "localhost", "localhost", -1, false, true },
        { "LocalHost:8001", "localhost", 8001, false, true },
        { "localhost.", "localhost", -1, false, true },
        { "localhost.:80", "localhost", 80, false, true },
        { "localhost:", "localhost", -1, false, true },
        { "localhost:0", "localhost", 0, false, true },
        { "localhost:65535", "localhost", 65535, false, true },
        { "127.0.0.1:8001", "127.0.0.1", 8001, true, true },
        { "127.255.0.9", "127.255.0.9", -1, true, true },
        { "127.0.0.1.", "127.0.0.1", -1, true, true },
        { "128.0.0.1", "128.0.0.1", -1, true, false },
        { "0.0.0.0:1", "0.0.0.0", 1, true, false },
        { "192.168.1.20:8001", "192.168.1.20", 8001, true, false },
        { "[::1]", "::1", -1, true, true },
        { "[::1]:8001", "::1", 8001, true, true },
        { "[0:0:0:0:0:0:0:1]:8001", "::1", 8001, true, true },
        { "[FE80::1%25eth0]:1", "fe80::1", 1, true, false },
        { "[::]", "::", -1, true, false },
        { "[::ffff:10.0.0.1]", "::ffff:10.0.0.1", -1, true, false },
        { "localhost.evil.com", "localhost.evil.com", -1, false, false },
        { "127.0.0.1.evil.com", "127.0.0.1.evil.com", -1, false, false },
        { "evil-localhost", "evil-localhost", -1, false, false },
        { "sub.localhost", "sub.localhost", -1, false, false },
        { "a_b-c.D", "a_b-c.d", -1, false, false },
        { "127.1", "127.1", -1, false, false },
        { "0x7f.0.0.1", "0x7f.0.0.1", -1, false, false },
        { "2130706433", "2130706433", -1, false, false },
        { "127.0.0.01", "127.0.0.01", -1, false, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct host host;
        assert_int_equal(host_parse(cases[i].text, &host), 0);
        assert_string_equal(host.name, cases[i].name);
        assert_int_equal(host.port, cases[i].port);
        assert_int_equal(host.is_address, cases[i].address);
        assert_int_equal(host.is_loopback, cases[i].loopback);
    }
}

static const char *const no_hosts[] = {
    "",
    ".",
    "..",
    ".localhost",
    "localhost..",
    "a..b",
    ":",
    ":8001",
    " localhost",
    "localhost ",
    "local host",
    "localhost:8001 ",
    "localhost:-1",
    "localhost:+1",
    "localhost:65536",
    "localhost:123456",
    "localhost:80:80",
    "localhost:x",
    "localhost:8001/",
    "localhost/",
    "localhost#",
    "localhost\\",
    "user@localhost",
    "user:pass@localhost",
    "localhost@evil.com",
    "localhost,evil.com",
    "localhost\tx",
    "localhost%00",
    "l\xc3\xb6.example",
    "\x7f",
    "*",
    "::1",
    "::1:8001",
    "[]",
    "[",
    "[::1",
    "[::1]x",
    "[::1].evil.com",
    "[::1]]",
    "[[::1]]",
    "[127.0.0.1]",
    "[localhost]",
    "[::1%]:x",
    "[ ::1]",
    "[::g]",
    "[1:2:3:4:5:6:7:8:9]",
};

static void what_is_no_host_is_refused(void **state)
{
    (void)state;
    struct host host;
    for (size_t i = 0; i < COUNT(no_hosts); i++)
        assert_int_equal(host_parse(no_hosts[i], &host), -1);
}

static void a_host_has_an_end(void **state)
{
    (void)state;
    char text[4096];
    struct host host;
    memset(text, 'a', sizeof text);
    text[253] = '\0';
    assert_int_equal(host_parse(text, &host), 0);
    assert_int_equal(strlen(host.name), 253);
    text[253] = 'a';
    text[254] = '\0';
    assert_int_equal(host_parse(text, &host), -1);
    text[254] = 'a';
    text[sizeof text - 1] = '\0';
    assert_int_equal(host_parse(text, &host), -1);
    memcpy(text, "[::1%", 5);
    assert_int_equal(host_parse(text, &host), -1);
    text[sizeof text - 2] = ']';
    assert_int_equal(host_parse(text, &host), -1);
}

static void an_origin_is_of_http_or_https(void **state)
{
    (void)state;
    struct origin origin;
    assert_int_equal(origin_parse("http://localhost:3000", &origin), 0);
    assert_false(origin.is_secure);
    assert_int_equal(origin.host.port, 3000);
    assert_int_equal(origin_parse("HTTPS://Pages.Example", &origin), 0);
    assert_true(origin.is_secure);
    assert_string_equal(origin.host.name, "pages.example");
    static const char *const others[] = {
        "",
        "null",
        "http:",
        "http:/x",
        "http://",
        "https://",
        "file://",
        "ftp://x",
        "//localhost",
        "localhost",
        "http:///localhost",
        "http://localhost/",
        "http://x y",
        "httpx://x",
        "http://x?",
        "http://a@b",
        "chrome-extension://abc",
        "http://http://x",
    };
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(origin_parse(others[i], &origin), -1);
}

static void the_origin_of_a_page_is_how_its_address_begins(void **state)
{
    (void)state;
    struct origin origin;
    static const char *const urls[] = { "http://h:3000", "http://h:3000/", "http://h:3000/a?b=http://x/#c",
                                        "http://h:3000?x", "http://h:3000#x" };
    for (size_t i = 0; i < COUNT(urls); i++) {
        assert_int_equal(origin_of_url(urls[i], &origin), 0);
        assert_string_equal(origin.host.name, "h");
        assert_int_equal(origin.host.port, 3000);
    }
    static const char *const none[] = { "",          "/a",          "about:blank",   "http://",
                                        "http:///h", "http://u@h/", "http://h\\@x/", "file:///h" };
    for (size_t i = 0; i < COUNT(none); i++)
        assert_int_equal(origin_of_url(none[i], &origin), -1);
}

static void the_longest_origin_is_read_and_no_longer_one(void **state)
{
    (void)state;
    char url[1024];
    struct origin origin;
    int at = snprintf(url, sizeof url, "https://");
    memset(url + at, 'a', 253);
    snprintf(url + at + 253, sizeof url - (size_t)at - 253, ":65535/path");
    assert_int_equal(origin_of_url(url, &origin), 0);
    memset(url + at, 'a', 600);
    url[at + 600] = '/';
    url[at + 601] = '\0';
    assert_int_equal(origin_of_url(url, &origin), -1);
}

static void origins_are_the_same_by_scheme_host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        { "http://x", "http://X:80", true },          { "https://x", "https://x.:443", true },
        { "http://x", "https://x", false },           { "http://x:443", "https://x", false },
        { "http://x:1", "http://x:2", false },        { "http://x", "http://y", false },
        { "http://[::1]", "http://[0::1]:80", true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct origin a, b;
        assert_int_equal(origin_parse(cases[i].a, &a), 0);
        assert_int_equal(origin_parse(cases[i].b, &b), 0);
        assert_int_equal(origin_is_same(&a, &b), cases[i].same);
        assert_int_equal(origin_is_same(&b, &a), cases[i].same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_is_a_name_or_an_address_and_a_port),
        cmocka_unit_test(what_is_no_host_is_refused),
        cmocka_unit_test(a_host_has_an_end),
        cmocka_unit_test(an_origin_is_of_http_or_https),
        cmocka_unit_test(the_origin_of_a_page_is_how_its_address_begins),
        cmocka_unit_test(the_longest_origin_is_read_and_no_longer_one),
        cmocka_unit_test(origins_are_the_same_by_scheme_host_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
