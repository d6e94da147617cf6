/* Uploads of blobs to a small server, in pieces, which go on from what it holds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dcls/net/http_client.h"
#include "dcls/base/sha256.h"
#include "../base/folder.h"
#include "server.h"

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
#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_new, folder_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_upload_goes_in_pieces),
        TEST(an_upload_goes_on_from_what_the_broker_holds),
        TEST(an_upload_that_cannot_succeed_ends),
    };
    if (http_global_init(NULL))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_release();
    return failed;
}
