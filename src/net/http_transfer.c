/* Files over HTTP: downloads that go on where they broke off, uploads in pieces to the broker's blob store.
 *
 * A download is known by its SHA-256, or by how that begins. Without one nothing tells whether a part on disk is of the
 * same file, so it then starts from the beginning. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "dcls/base/fs_lock.h"
#include "dcls/net/http_client.h"
#include "dcls/base/sha256.h"
#include "dcls/proto/json.h"

enum {
    DOWNLOAD_TRIES = 8, /* of which each after the first must have brought bytes */
    UPLOAD_PIECE = 4 * 1024 * 1024,
    UPLOAD_CORRECTIONS = 8, /* how often the broker may say that it holds another size */
    ANSWER_MAX = 64 * 1024
};

struct download {
    int fd;
    int64_t held, max; /* bytes in the part; most it may hold */
    bool first;        /* no byte of this answer came yet */
    const char *tag;   /* that a broker knows the file by; NULL: none is known */
    struct http_response response;
    struct err refusal; /* why the sink took no more; empty where it did */
};

static int start_over(struct download *download)
{
    if (ftruncate(download->fd, 0) || lseek(download->fd, 0, SEEK_SET) < 0)
        return err_set(&download->refusal, "cannot write: %s", strerror(errno));
    download->held = 0;
    return 0;
}

static int take(void *arg, const void *bytes, size_t count)
{
    struct download *download = arg;
    if (download->first) {
        download->first = false;
        /* Who knows no ranges answers 200 with the whole. */
        if (download->response.status != 206 && start_over(download))
            return -1;
        if (download->response.status == 206 && download->response.range_from != download->held)
            return err_set(&download->refusal, "it sent another range than it was asked for");
    }
    if ((int64_t)count > download->max - download->held)
        return err_set(&download->refusal, "it is larger than %lld bytes", (long long)download->max);
    int cause = fs_put(download->fd, bytes, count);
    if (cause)
        return err_set(&download->refusal, "cannot write: %s", strerror(cause));
    download->held += (int64_t)count;
    return 0;
}

static int open_part(const char *part, struct err *err)
{
    struct stat info;
    int fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (fd < 0)
        return err_set(err, "cannot write '%s': %s", part, strerror(errno));
    if (fstat(fd, &info) || !S_ISREG(info.st_mode))
        err_set(err, "'%s' is no regular file", part);
    else if (fs_lock(fd) == FS_LOCK_TAKEN)
        err_set(err, "'%s' is being written by another download", part);
    else
        return fd;
    close(fd);
    return -1;
}

/* What a server says of its refusal: {"error": "..."}. */
static int refused(const char *url, const struct http_response *response, struct err *err)
{
    cJSON *answer = cJSON_ParseWithLength(buf_text(&response->body), response->body.len);
    const char *reason = json_text(answer, "error");
    if (reason)
        err_set(err, "%s (HTTP %d from '%s')", reason, response->status, url);
    else
        err_set(err, "'%s' answered HTTP %d", url, response->status);
    cJSON_Delete(answer);
    return -1;
}

/* One request for what lacks. 0: the part is whole as far as the server says; 1: worth another try; -1: it is not. */
static int fetch_rest(const char *url, struct download *download, const atomic_bool *stop, struct err *err)
{
    const struct http_response *response = &download->response;
    int64_t before = download->held;
    char header[SHA256_HEX_SIZE + 16];
    const char *const headers[] = { header, NULL };
    struct http_request request = {
        .url = url, .range_from = before, .max_response = ANSWER_MAX, .sink = take, .sink_arg = download, .stop = stop
    };
    if (before > 0 && download->tag) { /* else the rest could be of another file by now */
        snprintf(header, sizeof header, "If-Range: \"%s\"", download->tag);
        request.headers = headers;
    }
    download->first = true;
    int status = http_send(&request, &download->response, err);
    if (download->refusal.text[0]) {
        status = err_set(err, "cannot download '%s': %s", url, download->refusal.text);
    } else if (status) {
        /* Broken off: go on from there, so long as it gets further. */
        status = download->held > before && !(stop && *stop) ? 1 : -1;
    } else if (response->status == 416 && before > 0) {
        /* Nothing lies behind what is held: either that is all, or it is of another file, as its hash will tell. */
        status = 0;
    } else if (response->status != 200 && response->status != 206) {
        status = refused(url, response, err);
    } else if (download->first && response->status == 200 && start_over(download)) {
        /* It was an empty file, over an old part. */
        status = err_set(err, "cannot download '%s': %s", url, download->refusal.text);
    }
    http_response_release(&download->response);
    return status;
}

static int fetch_all(const char *url, struct download *download, const atomic_bool *stop, struct err *err)
{
    int status = 1;
    for (int i = 0; i < DOWNLOAD_TRIES && status > 0; i++)
        status = fetch_rest(url, download, stop, err);
    return status ? -1 : 0;
}

static int download_to(const char *url, const char *path, const char *sha256, int64_t max, bool lasting,
                       const atomic_bool *stop, struct err *err)
{
    int status = -1;
    char *part = NULL, hex[SHA256_HEX_SIZE];
    struct download download = { .fd = -1, .max = max, .tag = sha256 && sha256_is_hex(sha256) ? sha256 : NULL };
    if (asprintf(&part, "%s.part", path) < 0) {
        part = NULL;
        err_set(err, "out of memory");
        goto out;
    }
    download.fd = open_part(part, err);
    if (download.fd < 0)
        goto out;
    download.held = (int64_t)lseek(download.fd, 0, SEEK_END);
    if ((!sha256 || !lasting || download.held < 0 || download.held > max) && start_over(&download)) {
        err_set(err, "'%s': %s", part, download.refusal.text);
        goto out;
    }

    /* A part of something else shows by its hash: then the whole is fetched, once. */
    for (bool resumed = download.held > 0;; resumed = false) {
        if (fetch_all(url, &download, stop, err))
            goto out;
        if (!sha256)
            break;
        if (sha256_file(part, hex, err))
            goto out;
        if (!strncmp(hex, sha256, strlen(sha256)))
            break;
        if (!resumed || start_over(&download)) {
            unlink(part);
            err_set(err, "'%s' is not what was asked for: its SHA-256 is '%s', not '%s'", url, hex, sha256);
            goto out;
        }
    }
    if (lasting)
        status = fs_commit(part, path, err);
    else if (rename(part, path) < 0)
        err_set(err, "cannot rename '%s': %s", part, strerror(errno));
    else
        status = 0;
out:
    if (download.fd >= 0 && status && (!sha256 || !lasting))
        unlink(part); /* nothing goes on from it */
    if (download.fd >= 0)
        close(download.fd);
    free(part);
    return status;
}

int http_download(const char *url, const char *path, const char *sha256, int64_t max, const atomic_bool *stop,
                  struct err *err)
{
    return download_to(url, path, sha256, max, true, stop, err);
}

int http_download_scratch(const char *url, const char *path, const char *sha256, int64_t max, const atomic_bool *stop,
                          struct err *err)
{
    return download_to(url, path, sha256, max, false, stop, err);
}

/* The blob store's answer to a question or a piece. */
struct held {
    int64_t size;
    bool complete;
};

static int read_held(const char *url, const struct http_response *response, struct held *held, struct err *err)
{
    cJSON *answer = cJSON_ParseWithLength(buf_text(&response->body), response->body.len);
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(answer, "size");
    int status = 0;
    if (cJSON_IsNumber(size) && size->valuedouble >= 0 && size->valuedouble < 9e15) {
        held->size = (int64_t)size->valuedouble;
        held->complete = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "complete"));
    } else {
        status = err_set(err, "'%s' answered what is no blob store's answer", url);
    }
    cJSON_Delete(answer);
    return status;
}

static int ask_held(const char *blob, const atomic_bool *stop, struct held *held, struct err *err)
{
    struct http_response response;
    char *url = NULL;
    if (asprintf(&url, "%s?stat=1", blob) < 0)
        return err_set(err, "out of memory");
    struct http_request request = { .url = url, .max_response = ANSWER_MAX, .stop = stop };
    int status = http_send(&request, &response, err);
    if (!status)
        status = response.status == 200 ? read_held(url, &response, held, err) : refused(url, &response, err);
    http_response_release(&response);
    free(url);
    return status;
}

/* Sends one piece. 0: taken, `held` is news; 1: the broker holds another size, `held` says which; -1: failed. */
static int put_piece(const char *blob, int64_t offset, int64_t size, const void *bytes, size_t count,
                     const atomic_bool *stop, struct held *held, struct err *err)
{
    static const char *const headers[] = { "Content-Type: application/octet-stream", NULL };
    struct http_response response;
    char *url = NULL;
    if (asprintf(&url, "%s?offset=%lld&size=%lld", blob, (long long)offset, (long long)size) < 0)
        return err_set(err, "out of memory");
    struct http_request request = { .method = "PUT",
                                    .url = url,
                                    .headers = headers,
                                    .body = bytes,
                                    .body_size = count,
                                    .max_response = ANSWER_MAX,
                                    .stop = stop };
    int status = http_send(&request, &response, err);
    if (!status) {
        if (response.status == 200 || response.status == 201)
            status = read_held(url, &response, held, err);
        else if (response.status == 409 && !read_held(url, &response, held, NULL))
            status = 1;
        else
            status = refused(url, &response, err);
    }
    http_response_release(&response);
    free(url);
    return status;
}

static int put_all(const char *blob, int fd, const char *path, int64_t size, const atomic_bool *stop, struct err *err)
{
    char *piece = malloc(UPLOAD_PIECE);
    if (!piece)
        return err_set(err, "out of memory");
    struct held held = { 0 };
    int corrections = 0, status = ask_held(blob, stop, &held, err);
    while (!status && !held.complete) {
        int64_t offset = held.size;
        ssize_t count = offset <= size ? pread(fd, piece, UPLOAD_PIECE, offset) : -1;
        if (offset > size || (count == 0 && size > 0)) {
            status = err_set(err, "the broker holds %lld bytes of '%s', which has %lld, and does not call it complete",
                             (long long)offset, path, (long long)size);
            break;
        }
        if (count < 0) {
            status = err_set(err, "cannot read '%s': %s", path, strerror(errno));
            break;
        }
        status = put_piece(blob, offset, size, piece, (size_t)count, stop, &held, err);
        if (status < 0 || (!status && (held.complete || held.size > offset)))
            continue;
        status = 0;
        if (++corrections > UPLOAD_CORRECTIONS)
            status = err_set(err, "the upload of '%s' does not get on", path);
    }
    free(piece);
    return status;
}

int http_upload_blob(const char *api, const char *path, const char *sha256, const atomic_bool *stop, struct err *err)
{
    if (!sha256_is_hex(sha256))
        return err_set(err, "'%s' is no SHA-256", sha256 ? sha256 : "");
    int status = -1;
    char *blob = NULL;
    struct stat info;
    int fd = fs_open(path, &info, err);
    if (fd < 0)
        return -1;
    size_t len = strlen(api);
    while (len && api[len - 1] == '/')
        len--;
    if (asprintf(&blob, "%.*s/blobs/%s", (int)len, api, sha256) < 0)
        err_set(err, "out of memory");
    else
        status = put_all(blob, fd, path, (int64_t)info.st_size, stop, err);
    free(blob);
    close(fd);
    return status;
}
