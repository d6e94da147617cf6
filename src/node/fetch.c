/* Blobs and single images from the broker. */
#include "fetch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "dcls/net/http_client.h"
#include "dcls/base/log.h"
#include "dcls/base/sha256.h"

#define CACHE_FILES_MAX 100000
#define YOUNG_SECONDS 120 /* may be in use by a request that is under way */

struct cached {
    char *path;
    int64_t size;
    time_t used;
};

static int compare_age(const void *a, const void *b)
{
    const struct cached *left = a, *right = b;
    return left->used < right->used ? -1 : left->used > right->used;
}

/* Removes the files used longest ago until at most `keep` bytes are left. What fails is tried again next time. */
static void trim(const char *dir, int64_t keep)
{
    struct fs_list files = { 0 };
    struct cached *cached = NULL;
    int64_t total = 0;
    size_t count = 0;
    if (fs_list_files(dir, CACHE_FILES_MAX, &files, NULL) || !files.count ||
        !(cached = calloc(files.count, sizeof *cached)))
        goto out;
    for (size_t i = 0; i < files.count; i++) {
        struct stat status;
        char *path = fs_join(dir, files.paths[i]);
        if (!path || stat(path, &status)) {
            free(path);
            continue;
        }
        total += status.st_size;
        cached[count++] = (struct cached){ path, status.st_size, status.st_mtime };
    }
    if (count)
        qsort(cached, count, sizeof *cached, compare_age);
    time_t young = time(NULL) - YOUNG_SECONDS;
    for (size_t i = 0; i < count && total > keep && cached[i].used < young; i++) {
        log_info("the cache drops '%s'", cached[i].path);
        if (!unlink(cached[i].path))
            total -= cached[i].size;
    }
out:
    for (size_t i = 0; i < count; i++)
        free(cached[i].path);
    free(cached);
    fs_list_release(&files);
}

typedef int download(const char *url, const char *path, const char *sha256, int64_t max, const atomic_bool *stop,
                     struct err *err);

static int fetch_blob(const char *api, const char *sha256, const char *path, int64_t max, download *fetch,
                      const atomic_bool *stop, struct err *err)
{
    char *url = NULL;
    if (!sha256_is_hex(sha256))
        return err_set(err, "'%s' is no SHA-256", sha256);
    if (asprintf(&url, "%s/blobs/%s", api, sha256) < 0)
        return err_set(err, "no memory to fetch a blob");
    int result = fetch(url, path, sha256, max, stop, err);
    free(url);
    return result;
}

int fetch_cached_blob(const char *api, const char *dir, const char *sha256, int64_t max, int64_t keep,
                      const atomic_bool *stop, struct err *err)
{
    char *path = NULL;
    int result = -1;
    if (!sha256_is_hex(sha256))
        return err_set(err, "'%s' is no SHA-256", sha256);
    if (fs_make_dirs(dir, err))
        return -1;
    if (!(path = fs_join(dir, sha256))) {
        err_set(err, "no memory to fetch a blob");
        goto out;
    }
    if (fs_is_file(path)) {
        /* Its digest was checked before it got this name. The time of last use orders the cache. */
        utimensat(AT_FDCWD, path, NULL, 0);
        result = 0;
        goto out;
    }
    result = fetch_blob(api, sha256, path, max, http_download, stop, err);
    trim(dir, keep);
out:
    free(path);
    return result;
}

int fetch_image(const char *api, const char *image_path, const char *path, const atomic_bool *stop, struct err *err)
{
    char *escaped = http_escape(image_path), *url = NULL;
    int result = -1;
    if (!escaped || asprintf(&url, "%s/image?imagePath=%s", api, escaped) < 0) {
        url = NULL;
        err_set(err, "no memory to fetch '%s'", image_path);
    } else {
        result = http_download_scratch(url, path, NULL, FETCH_IMAGE_MAX, stop, err);
    }
    free(url);
    free(escaped);
    return result;
}

int fetch_uploaded_image(const char *api, const char *sha256, const char *path, const atomic_bool *stop,
                         struct err *err)
{
    return fetch_blob(api, sha256, path, FETCH_IMAGE_MAX, http_download_scratch, stop, err);
}
