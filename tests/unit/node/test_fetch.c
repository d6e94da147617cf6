/* The dataset from a broker: a small HTTP server of the test's own serves a manifest and blobs, and counts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/net/http_client.h"
#include "dcls/base/sha256.h"
#include "src/node/fetch.h"
#include "tests/shim/faults.h"

#define FILES_MAX 8

struct served {
    const char *path, *text;
};

struct server {
    int fd;
    pthread_t thread;
    struct served files[FILES_MAX]; /* only changed between requests */
    const char *notice;             /* of what is left out; NULL: nothing is */
    bool wrong_bytes;
    atomic_int blobs;
    char dir[64], *images, *manifest;
    char api[64];
};

static void answer(int fd, int status, const char *body, size_t size)
{
    char head[128];
    int length =
        snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status, size);
    if (write(fd, head, (size_t)length) == length && write(fd, body, size) < 0)
        return;
}

static void serve_one(struct server *server, int fd)
{
    char request[4096], manifest[4096] = "{\"files\": [", sha256[SHA256_HEX_SIZE];
    size_t len = 0;
    while (len < sizeof request - 1) {
        ssize_t got = read(fd, request + len, sizeof request - 1 - len);
        if (got <= 0)
            return;
        request[len += (size_t)got] = 0;
        if (strstr(request, "\r\n\r\n"))
            break;
    }
    for (int i = 0; i < FILES_MAX && server->files[i].path; i++) {
        const struct served *file = &server->files[i];
        size_t at = strlen(manifest);
        sha256_bytes(file->text, strlen(file->text), sha256, NULL);
        snprintf(manifest + at, sizeof manifest - at, "%s{\"path\": \"%s\", \"size\": %zu, \"sha256\": \"%s\"}",
                 i ? ", " : "", file->path, strlen(file->text), sha256);
        if (strncmp(request, "GET /blobs/", 11) || strncmp(request + 11, sha256, 64))
            continue;
        atomic_fetch_add(&server->blobs, 1);
        char *text = strdup(file->text);
        if (server->wrong_bytes && *text)
            text[0] ^= 1;
        answer(fd, 200, text, strlen(text));
        free(text);
        return;
    }
    size_t end = strlen(manifest);
    if (server->notice)
        snprintf(manifest + end, sizeof manifest - end, "], \"leftOut\": {\"count\": 1, \"notice\": \"%s\"}}",
                 server->notice);
    else
        snprintf(manifest + end, sizeof manifest - end, "]}");
    if (!strncmp(request, "GET /dataset ", 13))
        answer(fd, 200, manifest, strlen(manifest));
    else
        answer(fd, 404, "{}", 2);
}

static void *serve(void *arg)
{
    struct server *server = arg;
    for (int fd; (fd = accept(server->fd, NULL, NULL)) >= 0;) {
        serve_one(server, fd);
        close(fd);
    }
    return NULL;
}

static int setup(void **state)
{
    struct server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->fd, (struct sockaddr *)&address, size) || listen(server->fd, 64) ||
        getsockname(server->fd, (struct sockaddr *)&address, &size))
        return -1;
    snprintf(server->api, sizeof server->api, "http://127.0.0.1:%d", ntohs(address.sin_port));
    snprintf(server->dir, sizeof server->dir, "/tmp/dcls-fetch.XXXXXX");
    if (!mkdtemp(server->dir))
        return -1;
    server->images = fs_join(server->dir, "images");
    server->manifest = fs_join(server->dir, "dataset.json");
    *state = server;
    return pthread_create(&server->thread, NULL, serve, server);
}

static int teardown(void **state)
{
    struct server *server = *state;
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
    int failed = fs_remove_tree(server->dir, NULL);
    free(server->images);
    free(server->manifest);
    free(server);
    return failed;
}

static int fetch(struct server *server, struct err *err)
{
    static const atomic_bool stop = false;
    return fetch_dataset(server->api, server->images, server->manifest, &stop, err);
}

static void expect_file(const struct server *server, const char *path, const char *text)
{
    char *full = fs_join(server->images, path), *bytes = NULL;
    size_t count;
    if (fs_read(full, 1000, &bytes, &count, NULL))
        fail_msg("'%s' is not there", path);
    assert_string_equal(bytes, text);
    free(bytes);
    free(full);
}

static size_t count_files(const struct server *server)
{
    struct fs_list files = { 0 };
    assert_int_equal(fs_list_tree(server->images, 100, &files, NULL), 0);
    size_t count = files.count;
    fs_list_release(&files);
    return count;
}

static void fetch_first(struct server *server)
{
    struct err err = ERR_INIT;
    server->files[0] = (struct served){ "train/cow/1.png", "one" };
    server->files[1] = (struct served){ "train/hen/2.png", "two" };
    server->files[2] = (struct served){ "test/cow/3.png", "three" };
    if (fetch(server, &err))
        fail_msg("%s", err.text);
}

static void a_dataset_arrives_whole(void **state)
{
    struct server *server = *state;
    fetch_first(server);
    expect_file(server, "train/cow/1.png", "one");
    expect_file(server, "train/hen/2.png", "two");
    expect_file(server, "test/cow/3.png", "three");
    assert_int_equal(count_files(server), 3);
}

static void a_known_dataset_costs_one_request(void **state)
{
    struct server *server = *state;
    struct err err = ERR_INIT;
    fetch_first(server);
    int before = atomic_load(&server->blobs);
    assert_int_equal(before, 3);
    assert_int_equal(fetch(server, &err), 0);
    assert_int_equal(atomic_load(&server->blobs), before);
}

static void only_what_changed_is_fetched_and_what_is_gone_is_removed(void **state)
{
    struct server *server = *state;
    struct err err = ERR_INIT;
    fetch_first(server);
    server->files[1] = (struct served){ "train/hen/4.png", "four" };
    if (fetch(server, &err))
        fail_msg("%s", err.text);
    assert_int_equal(atomic_load(&server->blobs), 4);
    assert_int_equal(count_files(server), 3);
    expect_file(server, "train/hen/4.png", "four");
    expect_file(server, "train/cow/1.png", "one");
}

static void a_dataset_of_an_overlays_lower_layer_is_replaced_too(void **state)
{
    struct server *server = *state;
    struct err err = ERR_INIT;
    struct stat info;
    fetch_first(server);
    assert_int_equal(stat(server->images, &info), 0);
    faults.lower = info.st_ino;
    server->files[1] = (struct served){ "train/hen/4.png", "four" };
    if (fetch(server, &err))
        fail_msg("%s", err.text);
    faults.lower = 0;
    assert_int_equal(atomic_load(&server->blobs), 4);
    assert_int_equal(count_files(server), 3);
    expect_file(server, "train/hen/4.png", "four");
}

static void bytes_of_another_digest_never_become_the_dataset(void **state)
{
    struct server *server = *state;
    struct err err = ERR_INIT;
    server->wrong_bytes = true;
    server->files[0] = (struct served){ "train/cow/1.png", "one" };
    assert_int_equal(fetch(server, &err), -1);
    assert_non_null(strstr(err.text, "train/cow/1.png"));
    assert_false(fs_is_dir(server->images));
    server->wrong_bytes = false;
    fetch_first(server);
    expect_file(server, "train/cow/1.png", "one");
}

static void a_failed_refresh_leaves_what_is_there(void **state)
{
    struct server *server = *state;
    fetch_first(server);
    server->wrong_bytes = true;
    server->files[0] = (struct served){ "train/cow/1.png", "new" };
    assert_int_equal(fetch(server, NULL), -1);
    expect_file(server, "train/cow/1.png", "one");
    assert_int_equal(count_files(server), 3);
}

static void a_path_that_leaves_the_folder_is_refused(void **state)
{
    static const char *const paths[] = { "../x", "/etc/x", "train/../../x", "train//x", "./x", "train/./x", "" };
    struct server *server = *state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct err err = ERR_INIT;
        server->files[0] = (struct served){ paths[i], "bad" };
        assert_int_equal(fetch(server, &err), -1);
        assert_non_null(strstr(err.text, "no path below"));
        assert_int_equal(atomic_load(&server->blobs), 0);
        assert_false(fs_is_dir(server->images));
    }
}

static void an_empty_dataset_is_an_error(void **state)
{
    struct server *server = *state;
    struct err err = ERR_INIT;
    assert_int_equal(fetch(server, &err), -1);
    assert_string_equal(err.text, "the broker has no dataset");
}

static void what_the_broker_left_out_is_told_as_long_as_it_is_so(void **state)
{
    struct server *server = *state;
    struct notices notices = { .count = 0 };
    struct err err = ERR_INIT;
    fetch_dataset_notice(server->manifest, &notices); /* there is none yet */
    fetch_first(server);
    fetch_dataset_notice(server->manifest, &notices);
    assert_int_equal(notices.count, 0);
    server->notice = "1 entry is left out: 'a' (why)";
    for (int i = 0; i < 2; i++) { /* also where the manifest is known */
        if (fetch(server, &err))
            fail_msg("%s", err.text);
        fetch_dataset_notice(server->manifest, &notices);
        assert_int_equal(notices.count, 1);
        assert_string_equal(notices.lines[0], server->notice);
        notices_release(&notices);
    }
    server->notice = NULL;
    assert_int_equal(fetch(server, &err), 0);
    fetch_dataset_notice(server->manifest, &notices);
    assert_int_equal(notices.count, 0);
}

static void a_dataset_of_which_all_is_left_out_says_so(void **state)
{
    struct server *server = *state;
    struct err err = ERR_INIT;
    server->notice = "1 entry is left out: 'train' (a link out of the folder)";
    assert_int_equal(fetch(server, &err), -1);
    assert_string_equal(err.text, "the broker has no dataset: 1 entry is left out: 'train' (a link out of the folder)");
}

static void a_weights_blob_is_fetched_once_and_kept(void **state)
{
    static const atomic_bool stop = false;
    struct server *server = *state;
    char sha256[SHA256_HEX_SIZE];
    char *dir = fs_join(server->dir, "weights");
    struct err err = ERR_INIT;
    server->files[0] = (struct served){ "w", "weights" };
    sha256_bytes("weights", 7, sha256, NULL);
    for (int i = 0; i < 2; i++)
        if (fetch_cached_blob(server->api, dir, sha256, 1000, 1000, &stop, &err))
            fail_msg("%s", err.text);
    assert_int_equal(atomic_load(&server->blobs), 1);
    assert_int_equal(fetch_cached_blob(server->api, dir, "../w", 1000, 1000, &stop, &err), -1);
    free(dir);
}

static int start_http(void **state)
{
    (void)state;
    return http_global_init(NULL);
}

static int end_http(void **state)
{
    (void)state;
    http_global_release();
    return 0;
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        SERVED(a_dataset_arrives_whole),
        SERVED(a_known_dataset_costs_one_request),
        SERVED(only_what_changed_is_fetched_and_what_is_gone_is_removed),
        SERVED(a_dataset_of_an_overlays_lower_layer_is_replaced_too),
        SERVED(bytes_of_another_digest_never_become_the_dataset),
        SERVED(a_failed_refresh_leaves_what_is_there),
        SERVED(a_path_that_leaves_the_folder_is_refused),
        SERVED(an_empty_dataset_is_an_error),
        SERVED(what_the_broker_left_out_is_told_as_long_as_it_is_so),
        SERVED(a_dataset_of_which_all_is_left_out_says_so),
        SERVED(a_weights_blob_is_fetched_once_and_kept),
    };
    return cmocka_run_group_tests(tests, start_http, end_http);
}
