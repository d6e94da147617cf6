/* Downloads from a small server, which go on where they broke off. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dcls/net/http_client.h"
#include "dcls/base/sha256.h"
#include "../base/folder.h"
#include "server.h"
#include "tests/shim/faults.h"

enum { SIZE = 100000 };

/* Serves server->bytes, by ranges too. */
static void answer_file(struct server *server, const struct request *request, int fd)
{
    char head[512];
    size_t from = 0;
    const char *if_range = strcasestr(request->head, "\r\nIf-Range: ");
    server->last_range = request->range_from;
    *server->last_if_range = '\0';
    if (if_range)
        sscanf(if_range + 12, "%127s", server->last_if_range);
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
    assert_string_equal(download.server.last_if_range, "");
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
    char tag[80];
    struct err err = ERR_INIT;
    download_init(&download, state);
    put(state, "file.part", download.bytes, 60000);
    assert_int_equal(http_download(download.url, download.path, download.sha256, SIZE, NULL, &err), 0);
    expect_whole(&download);
    assert_int_equal(download.server.requests, 1);
    assert_int_equal(download.server.last_range, 60000);
    snprintf(tag, sizeof tag, "\"%s\"", download.sha256);
    assert_string_equal(download.server.last_if_range, tag);

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
#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_new, folder_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    if (http_global_init(NULL))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_release();
    return failed;
}
