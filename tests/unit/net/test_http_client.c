/* HTTP requests against a small server: what they carry, their deadlines and limits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dcls/base/clock.h"
#include "dcls/net/http_client.h"
#include "server.h"

enum { SIZE = 100000 };

static void answer_bytes(struct server *server, const struct request *request, int fd)
{
    char head[128];
    (void)request;
    int len = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                       server->size);
    send_all(fd, head, (size_t)len);
    send_all(fd, server->bytes, server->size);
}

static void echo(struct server *server, const struct request *request, int fd)
{
    (void)server;
    char text[600];
    const char *type = strcasestr(request->head, "\r\nContent-Type: ");
    snprintf(text, sizeof text, "%s %s %.*s [%.*s]", request->method, request->path, (int)request->body_size,
             request->body, type ? (int)strcspn(type + 16, "\r") : 0, type ? type + 16 : "");
    send_text(fd, strstr(request->path, "teapot") ? "418 Teapot" : "200 OK", text);
}

static void stay_silent(struct server *server, const struct request *request, int fd)
{
    (void)server;
    (void)request;
    char byte;
    (void)!recv(fd, &byte, 1, 0); /* until the other side gives up */
}

static void a_request_carries_method_headers_and_body(void **state)
{
    (void)state;
    struct server server = { .answer = echo };
    server_start(&server);
    char *url = url_of(&server, "/a?b=c");
    static const char *const headers[] = { "Content-Type: image/png", NULL };
    const struct {
        struct http_request request;
        const char *wanted;
    } cases[] = {
        { { .url = url }, "GET /a?b=c  []" },
        { { .method = "POST", .url = url, .body = "{}", .body_size = 2 }, "POST /a?b=c {} []" },
        { { .method = "POST", .url = url }, "POST /a?b=c  []" },
        { { .method = "PUT", .url = url, .body = "xyz", .body_size = 2, .headers = headers },
          "PUT /a?b=c xy [image/png]" },
        { { .method = "DELETE", .url = url }, "DELETE /a?b=c  []" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_response response;
        struct err err = ERR_INIT;
        assert_int_equal(http_send(&cases[i].request, &response, &err), 0);
        assert_int_equal(response.status, 200);
        assert_string_equal(response.content_type, "application/json");
        assert_int_equal(response.content_length, strlen(cases[i].wanted));
        assert_string_equal(buf_text(&response.body), cases[i].wanted);
        http_response_release(&response);
    }
    free(url);
    server_stop(&server);
}

static int count_bytes(void *arg, const void *bytes, size_t count)
{
    (void)bytes;
    *(size_t *)arg += count;
    return 0;
}

static void tell_whether_ours(struct server *server, const struct request *request, int fd)
{
    (void)server;
    send_text(fd, "200 OK", strcasestr(request->head, "\r\nSec-Dcls: 1\r\n") ? "ours" : "another's");
}

static void a_request_says_that_no_browser_sends_it(void **state)
{
    (void)state;
    struct server server = { .answer = tell_whether_ours };
    server_start(&server);
    char *url = url_of(&server, "/");
    struct err err = ERR_INIT;
    struct http_request request = { .url = url };
    struct http_response response;
    assert_int_equal(http_send(&request, &response, &err), 0);
    assert_string_equal(buf_text(&response.body), "ours");
    http_response_release(&response);
    free(url);
    server_stop(&server);
}

static void an_answer_of_any_status_is_an_answer_and_only_a_good_one_goes_to_the_sink(void **state)
{
    (void)state;
    struct server server = { .answer = echo };
    server_start(&server);
    char *bad = url_of(&server, "/teapot"), *good = url_of(&server, "/");
    size_t sunk = 0;
    struct http_response response;
    struct http_request request = { .url = bad, .sink = count_bytes, .sink_arg = &sunk };
    assert_int_equal(http_send(&request, &response, NULL), 0);
    assert_int_equal(response.status, 418);
    assert_int_equal(sunk, 0);
    assert_string_equal(buf_text(&response.body), "GET /teapot  []");
    http_response_release(&response);
    request.url = good;
    assert_int_equal(http_send(&request, &response, NULL), 0);
    assert_int_equal(sunk, strlen("GET /  []"));
    assert_int_equal(response.body.len, 0);
    http_response_release(&response);
    free(good);
    free(bad);
    server_stop(&server);
}

/* Refuses as often as `size` says, with the header that `bytes` has. */
static void answer_busy(struct server *server, const struct request *request, int fd)
{
    char head[256];
    (void)request;
    if (server->requests > (int)server->size) {
        send_text(fd, "200 OK", "done");
        return;
    }
    int len = snprintf(head, sizeof head, "HTTP/1.1 503 Busy\r\n%sContent-Length: 4\r\nConnection: close\r\n\r\nbusy",
                       server->bytes);
    send_all(fd, head, (size_t)len);
}

static void who_is_told_to_come_again_soon_does(void **state)
{
    static const struct {
        const char *header;
        size_t busy;
        double timeout_s;
        int status, requests;
    } cases[] = {
        { "Retry-After: 1\r\n", 2, 0, 200, 3 },       { "retry-after: 1\r\n", 100, 0, 503, 4 },
        { "Retry-After: 1\r\n", 100, 0.9, 503, 1 },   { "Retry-After: 3600\r\n", 100, 0, 503, 1 },
        { "Retry-After: never\r\n", 100, 0, 503, 1 }, { "", 100, 0, 503, 1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server server = { .answer = answer_busy, .bytes = cases[i].header, .size = cases[i].busy };
        server_start(&server);
        char *url = url_of(&server, "/");
        size_t sunk = 0;
        struct http_response response;
        struct http_request request = {
            .url = url, .timeout_s = cases[i].timeout_s, .sink = count_bytes, .sink_arg = &sunk
        };
        assert_int_equal(http_send(&request, &response, NULL), 0);
        assert_int_equal(response.status, cases[i].status);
        assert_int_equal(server.requests, cases[i].requests);
        assert_int_equal(sunk, cases[i].status == 200 ? 4 : 0);
        assert_string_equal(buf_text(&response.body), cases[i].status == 200 ? "" : "busy");
        http_response_release(&response);
        free(url);
        server_stop(&server);
    }
}

static void no_answer_names_the_host_and_the_cause(void **state)
{
    (void)state;
    struct server server = { .answer = echo };
    server_start(&server);
    char *url = url_of(&server, "/secret?token=1"), host[64];
    snprintf(host, sizeof host, "'http://127.0.0.1:%d'", server.port);
    server_stop(&server);
    const struct {
        const char *url, *host, *cause;
    } cases[] = {
        { url, host, "connection refused" },
        { "http://host.invalid/", "'http://host.invalid'", "no such host" },
        { "file:///etc/passwd", "'file:///etc/passwd'", "no http:// or https:// URL" },
        { "ftp://127.0.0.1/", "'ftp://127.0.0.1/'", "no http:// or https:// URL" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_response response;
        struct err err = ERR_INIT;
        struct http_request request = { .url = cases[i].url, .timeout_s = 5 };
        assert_int_equal(http_send(&request, &response, &err), -1);
        assert_int_equal(response.status, 0);
        if (!strstr(err.text, cases[i].host) || !strstr(err.text, cases[i].cause))
            fail_msg("%s", err.text);
        http_response_release(&response);
    }
    free(url);
}

static void every_wait_has_an_end(void **state)
{
    (void)state;
    struct server server = { .answer = stay_silent };
    atomic_bool stop = true;
    server_start(&server);
    char *url = url_of(&server, "/");
    const struct {
        struct http_request request;
        const char *why;
    } cases[] = {
        { { .url = url, .timeout_s = 0.3 }, "did not answer in time" },
        { { .url = url, .stall_s = 1 }, "did not answer in time" },
        { { .url = url, .stop = &stop }, "was stopped" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_response response;
        struct err err = ERR_INIT;
        int64_t start = clock_ms();
        assert_int_equal(http_send(&cases[i].request, &response, &err), -1);
        assert_true(clock_ms() - start < 8000);
        assert_non_null(strstr(err.text, cases[i].why));
        http_response_release(&response);
    }
    free(url);
    server_stop(&server);
}

static void an_answer_larger_than_allowed_is_refused(void **state)
{
    (void)state;
    char *bytes = some_bytes(SIZE);
    struct server server = { .answer = answer_bytes, .bytes = bytes, .size = SIZE };
    server_start(&server);
    char *url = url_of(&server, "/");
    struct http_response response;
    struct err err = ERR_INIT;
    struct http_request request = { .url = url, .max_response = SIZE - 1 };
    assert_int_equal(http_send(&request, &response, &err), -1);
    assert_non_null(strstr(err.text, "larger than 99999 bytes"));
    http_response_release(&response);
    request.max_response = SIZE;
    assert_int_equal(http_send(&request, &response, &err), 0);
    assert_memory_equal(response.body.data, bytes, SIZE);
    http_response_release(&response);
    free(url);
    server_stop(&server);
    free(bytes);
}
static void what_is_not_plain_is_escaped(void **state)
{
    (void)state;
    char *text = http_escape("a-b_c.d~/ ?&=%\xc3\xa9");
    assert_string_equal(text, "a-b_c.d~%2F%20%3F%26%3D%25%C3%A9");
    free(text);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_carries_method_headers_and_body),
        cmocka_unit_test(a_request_says_that_no_browser_sends_it),
        cmocka_unit_test(an_answer_of_any_status_is_an_answer_and_only_a_good_one_goes_to_the_sink),
        cmocka_unit_test(who_is_told_to_come_again_soon_does),
        cmocka_unit_test(no_answer_names_the_host_and_the_cause),
        cmocka_unit_test(every_wait_has_an_end),
        cmocka_unit_test(an_answer_larger_than_allowed_is_refused),
        cmocka_unit_test(what_is_not_plain_is_escaped),
    };
    if (http_global_init(NULL))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_release();
    return failed;
}
