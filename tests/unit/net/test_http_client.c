/* HTTP requests against a small server: deadlines, limits, downloads and uploads that go on where they broke off. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dcls/base/clock.h"
#include "dcls/net/http_client.h"
#include "dcls/base/sha256.h"
#include "../base/folder.h"
#include "server.h"
#include "tests/shim/faults.h"

enum { SIZE = 100000 };

static char *url_of(const struct server *server, const char *path)
{
    char *url = NULL;
    assert_true(asprintf(&url, "http://127.0.0.1:%d%s", server->port, path) > 0);
    return url;
}

static char *some_bytes(size_t size)
{
    char *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    return bytes;
}

/* Serves server->bytes, by ranges too. */
static void answer_file(struct server *server, const struct request *request, int fd)
{
    char head[512];
    size_t from = 0;
    server->last_range = request->range_from;
    if (server->refuse) {
        send_text(fd, "404 Not Found", "{\"error\": \"no such thing\"}");
        return;
    }
    if (request->range_from >= 0 && !server->ignore_range) {
        from = (size_t)request->range_from;
        if (from >= server->size) {
            send_text(fd, "416 Range Not Satisfiable", "{\"error\": \"too far\"}");
            return;
        }
        snprintf(head, sizeof head,
                 "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %zu-%zu/%zu\r\n"
                 "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                 from + server->wrong_range, server->size - 1, server->size, server->size - from);
    } else {
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                 server->size);
    }
    send_all(fd, head, strlen(head));
    size_t count = server->size - from;
    if (server->break_after && count > server->break_after)
        count = server->break_after;
    send_all(fd, server->bytes + from, count);
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
    struct server server = { .answer = answer_file, .bytes = bytes, .size = SIZE };
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

/* A server with a file, its digest, and where the download goes. */
struct download {
    struct server server;
    char *bytes, *url, *path, *part, sha256[SHA256_HEX_SIZE];
};

static void download_init(struct download *download, void **state)
{
    memset(download, 0, sizeof *download);
    download->bytes = some_bytes(SIZE);
    download->server = (struct server){ .answer = answer_file, .bytes = download->bytes, .size = SIZE };
    server_start(&download->server);
    download->url = url_of(&download->server, "/file");
    download->path = in(state, "file");
    download->part = in(state, "file.part");
    assert_int_equal(sha256_bytes(download->bytes, SIZE, download->sha256, NULL), 0);
}

static void download_release(struct download *download)
{
    server_stop(&download->server);
    free(download->bytes);
    free(download->url);
    free(download->path);
    free(download->part);
}

static void expect_whole(const struct download *download)
{
    char *bytes = NULL;
    size_t count = 0;
    assert_int_equal(fs_read(download->path, SIZE, &bytes, &count, NULL), 0);
    assert_int_equal(count, SIZE);
    assert_memory_equal(bytes, download->bytes, SIZE);
    assert_false(fs_is_file(download->part));
    free(bytes);
}

static void a_download_arrives_whole(void **state)
{
    struct download download;
    struct err err = ERR_INIT;
    download_init(&download, state);
    assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE, NULL, &err), 0);
    expect_whole(&download);
    assert_int_equal(http_download(download.url, download.path, NULL, SIZE, NULL, &err), 0);
    expect_whole(&download);
    download_release(&download);
}

static void a_download_needs_no_lock_but_none_that_another_holds(void **state)
{
    static const int causes[] = { ENOLCK, EOPNOTSUPP, ENOSYS, EINVAL };
    struct download download;
    struct err err = ERR_INIT;
    download_init(&download, state);
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        faults.lock = causes[i];
        if (http_download(download.url, download.path, download.sha256, SIZE, NULL, &err))
            fail_msg("%s", err.text);
        expect_whole(&download);
    }
    faults.lock = EWOULDBLOCK;
    assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE, NULL, &err), -1);
    assert_non_null(strstr(err.text, "file.part' is being written by another download"));
    faults.lock = 0;
    download_release(&download);
}

static void a_download_may_be_known_by_how_its_digest_begins(void **state)
{
    struct download download;
    struct err err = ERR_INIT;
    char digits[9] = "";
    download_init(&download, state);
    memcpy(digits, download.sha256, 8);
    put(state, "file.part", download.bytes, 60000);
    assert_int_equal(http_download(download.url, download.path, digits, SIZE, NULL, &err), 0);
    expect_whole(&download);
    assert_int_equal(download.server.last_range, 60000);
    digits[7] = digits[7] == '0' ? '1' : '0';
    assert_int_equal(http_download(download.url, download.path, digits, SIZE, NULL, &err), -1);
    assert_non_null(strstr(err.text, "is not what was asked for"));
    assert_false(fs_is_file(download.part));
    download_release(&download);
}

static void a_download_goes_on_where_it_broke_off(void **state)
{
    struct download download;
    struct err err = ERR_INIT;
    download_init(&download, state);
    download.server.break_after = 30000;
    assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE, NULL, &err), 0);
    expect_whole(&download);
    assert_int_equal(download.server.requests, 4);
    assert_int_equal(download.server.last_range, 90000);
    download_release(&download);
}

static void a_download_goes_on_from_the_part_on_disk(void **state)
{
    struct download download;
    struct err err = ERR_INIT;
    download_init(&download, state);
    put(state, "file.part", download.bytes, 60000);
    assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE, NULL, &err), 0);
    expect_whole(&download);
    assert_int_equal(download.server.requests, 1);
    assert_int_equal(download.server.last_range, 60000);

    /* A part that is whole needs no byte more. */
    put(state, "file.part", download.bytes, SIZE);
    assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE, NULL, &err), 0);
    expect_whole(&download);
    download_release(&download);
}

static void a_server_that_knows_no_ranges_sends_the_whole_again(void **state)
{
    struct download download;
    struct err err = ERR_INIT;
    download_init(&download, state);
    download.server.ignore_range = true;
    put(state, "file.part", "something else", 14);
    assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE, NULL, &err), 0);
    expect_whole(&download);
    download_release(&download);
}

static void a_part_of_another_file_is_fetched_anew(void **state)
{
    struct download download;
    struct err err = ERR_INIT;
    char *other = calloc(1, SIZE + 1);
    download_init(&download, state);
    static const size_t sizes[] = { 1, SIZE / 2, SIZE, SIZE + 1 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        put(state, "file.part", other, sizes[i]);
        assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE, NULL, &err), 0);
        expect_whole(&download);
    }
    free(other);
    download_release(&download);
}

static void without_a_digest_no_part_is_trusted(void **state)
{
    struct download download;
    struct err err = ERR_INIT;
    download_init(&download, state);
    put(state, "file.part", "something else", 14);
    assert_int_equal(http_download(download.url, download.path, NULL, SIZE, NULL, &err), 0);
    expect_whole(&download);
    assert_int_equal(download.server.last_range, -1);
    download_release(&download);
}

static void a_wrong_file_is_removed_and_the_old_one_kept(void **state)
{
    struct download download;
    struct err err = ERR_INIT;
    download_init(&download, state);
    put(state, "file", "old", 3);
    download.sha256[0] = download.sha256[0] == 'a' ? 'b' : 'a';
    assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE, NULL, &err), -1);
    assert_non_null(strstr(err.text, "is not what was asked for"));
    assert_false(fs_is_file(download.part));
    assert_int_equal(fs_size(download.path), 3);
    download_release(&download);
}

static void a_download_that_is_refused_or_too_large_or_misplaced_fails(void **state)
{
    struct download download;
    struct err err = ERR_INIT;
    download_init(&download, state);
    assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE - 1, NULL, &err), -1);
    assert_non_null(strstr(err.text, "larger than 99999 bytes"));
    assert_false(fs_is_file(download.path));

    put(state, "file.part", download.bytes, 500);
    download.server.wrong_range = true;
    assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE, NULL, &err), -1);
    assert_non_null(strstr(err.text, "another range"));

    download.server.refuse = true;
    assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE, NULL, &err), -1);
    assert_non_null(strstr(err.text, "no such thing (HTTP 404"));
    assert_int_equal(fs_size(download.part), 500); /* kept for the next try */

    atomic_bool stop = true;
    download.server.refuse = download.server.wrong_range = false;
    assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE, &stop, &err), -1);
    download_release(&download);
}

static void a_part_that_nothing_goes_on_from_does_not_stay(void **state)
{
    struct download download;
    struct err err = ERR_INIT;
    atomic_bool stop = true;
    download_init(&download, state);
    put(state, "file.part", download.bytes, 500);
    assert_int_equal(http_download(download.url, download.path, NULL, SIZE, &stop, &err), -1);
    assert_false(fs_is_file(download.part));
    put(state, "file.part", download.bytes, 500);
    assert_int_equal(http_download_scratch(download.url, download.path, download.sha256, SIZE, &stop, &err), -1);
    assert_false(fs_is_file(download.part));
    assert_int_equal(http_download_scratch(download.url, download.path, download.sha256, SIZE, NULL, &err), 0);
    assert_int_equal(fs_size(download.path), SIZE);
    download_release(&download);
}

static void an_empty_file_is_downloaded(void **state)
{
    struct download download;
    struct err err = ERR_INIT;
    download_init(&download, state);
    download.server.size = 0;
    assert_int_equal(sha256_bytes("", 0, download.sha256, NULL), 0);
    assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE, NULL, &err), 0);
    assert_int_equal(fs_size(download.path), 0);
    download.server.ignore_range = true;
    put(state, "file.part", "old", 3);
    assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE, NULL, &err), 0);
    assert_int_equal(fs_size(download.path), 0);
    download_release(&download);
}

/* A blob store of one blob: what it holds is server->blob. */
static void answer_blob(struct server *server, const struct request *request, int fd)
{
    char text[200];
    const char *offset = strstr(request->path, "?offset=");
    const char *status = "200 OK";
    if (server->refuse) {
        send_text(fd, "507 Insufficient Storage", "{\"error\": \"the blob store is full\"}");
        return;
    }
    if (!strcmp(request->method, "PUT") && offset) {
        if (server->blob_lies > 0 || strtoul(offset + 8, NULL, 10) != server->blob_size ||
            request->body_size > 4 << 20 || server->blob_size + request->body_size > server->blob_total) {
            status = "409 Conflict";
            server->blob_lies -= server->blob_lies > 0;
        } else {
            memcpy(server->blob + server->blob_size, request->body, request->body_size);
            server->blob_size += request->body_size;
        }
    }
    snprintf(text, sizeof text, "{\"sha256\": \"x\", \"size\": %zu, \"complete\": %s}", server->blob_size,
             server->blob_size == server->blob_total ? "true" : "false");
    send_text(fd, status, text);
}

struct upload {
    struct server server;
    char *bytes, *api, *path, sha256[SHA256_HEX_SIZE];
    size_t size;
};

static void upload_init(struct upload *upload, void **state, size_t size)
{
    memset(upload, 0, sizeof *upload);
    upload->size = size;
    upload->bytes = some_bytes(size + 1);
    upload->server = (struct server){ .answer = answer_blob, .blob = malloc(size + 1), .blob_total = size };
    server_start(&upload->server);
    upload->api = url_of(&upload->server, "/"); /* a slash at its end is passed over */
    upload->path = in(state, "file");
    put(state, "file", upload->bytes, size);
    assert_int_equal(sha256_bytes(upload->bytes, size, upload->sha256, NULL), 0);
}

static void upload_release(struct upload *upload)
{
    server_stop(&upload->server);
    free(upload->bytes);
    free(upload->api);
    free(upload->path);
}

static void an_upload_goes_in_pieces(void **state)
{
    struct upload upload;
    struct err err = ERR_INIT;
    upload_init(&upload, state, (9 << 20) + 5);
    assert_int_equal(http_upload_blob(upload.api, upload.path, upload.sha256, NULL, &err), 0);
    assert_int_equal(upload.server.blob_size, upload.size);
    assert_memory_equal(upload.server.blob, upload.bytes, upload.size);
    assert_int_equal(upload.server.requests, 4); /* the question and three pieces */
    /* What is there already is not sent again. */
    assert_int_equal(http_upload_blob(upload.api, upload.path, upload.sha256, NULL, &err), 0);
    assert_int_equal(upload.server.requests, 5);
    upload_release(&upload);
}

static void an_upload_goes_on_from_what_the_broker_holds(void **state)
{
    struct upload upload;
    struct err err = ERR_INIT;
    upload_init(&upload, state, 10000);
    memcpy(upload.server.blob, upload.bytes, 4000);
    upload.server.blob_size = 4000;
    upload.server.blob_lies = 2; /* says 409 twice, as where another uploads the same */
    assert_int_equal(http_upload_blob(upload.api, upload.path, upload.sha256, NULL, &err), 0);
    assert_int_equal(upload.server.blob_size, 10000);
    assert_memory_equal(upload.server.blob, upload.bytes, 10000);
    upload_release(&upload);
}

static void an_upload_that_cannot_succeed_ends(void **state)
{
    struct upload upload;
    struct err err = ERR_INIT;
    atomic_bool stop = true;
    upload_init(&upload, state, 1000);
    upload.server.blob_lies = 1000;
    assert_int_equal(http_upload_blob(upload.api, upload.path, upload.sha256, NULL, &err), -1);
    assert_non_null(strstr(err.text, "does not get on"));
    upload.server.blob_lies = 0;
    upload.server.blob_total = 2000; /* never complete */
    upload.server.blob = realloc(upload.server.blob, 2000);
    assert_int_equal(http_upload_blob(upload.api, upload.path, upload.sha256, NULL, &err), -1);
    assert_non_null(strstr(err.text, "does not call it complete"));
    upload.server.refuse = true;
    assert_int_equal(http_upload_blob(upload.api, upload.path, upload.sha256, NULL, &err), -1);
    assert_non_null(strstr(err.text, "the blob store is full"));
    upload.server.refuse = false;
    assert_int_equal(http_upload_blob(upload.api, upload.path, upload.sha256, &stop, &err), -1);
    assert_int_equal(http_upload_blob(upload.api, upload.path, "../x", NULL, &err), -1);
    assert_int_equal(http_upload_blob(upload.api, "/none/such", upload.sha256, NULL, &err), -1);
    assert_int_equal(http_upload_blob(upload.api, *state, upload.sha256, NULL, &err), -1);
    upload_release(&upload);
}

static void what_is_not_plain_is_escaped(void **state)
{
    (void)state;
    char *text = http_escape("a-b_c.d~/ ?&=%\xc3\xa9");
    assert_string_equal(text, "a-b_c.d~%2F%20%3F%26%3D%25%C3%A9");
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_new, folder_free)

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
        TEST(a_download_arrives_whole),
        TEST(a_download_needs_no_lock_but_none_that_another_holds),
        TEST(a_download_may_be_known_by_how_its_digest_begins),
        TEST(a_download_goes_on_where_it_broke_off),
        TEST(a_download_goes_on_from_the_part_on_disk),
        TEST(a_server_that_knows_no_ranges_sends_the_whole_again),
        TEST(a_part_of_another_file_is_fetched_anew),
        TEST(without_a_digest_no_part_is_trusted),
        TEST(a_wrong_file_is_removed_and_the_old_one_kept),
        TEST(a_download_that_is_refused_or_too_large_or_misplaced_fails),
        TEST(a_part_that_nothing_goes_on_from_does_not_stay),
        TEST(an_empty_file_is_downloaded),
        TEST(an_upload_goes_in_pieces),
        TEST(an_upload_goes_on_from_what_the_broker_holds),
        TEST(an_upload_that_cannot_succeed_ends),
        cmocka_unit_test(what_is_not_plain_is_escaped),
    };
    if (http_global_init(NULL))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_release();
    return failed;
}
