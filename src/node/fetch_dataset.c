/* The broker's dataset, as its manifest names it: checked, fetched by several threads, put in place in one step. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dcls/base/dataset_name.h"
#include "dcls/base/fs.h"
#include "dcls/net/http_client.h"
#include "dcls/base/log.h"
#include "dcls/base/sha256.h"
#include "fetch.h"

#define THREADS 4
#define FILES_MAX 2000000
#define MANIFEST_MAX (512u << 20)
#define FILE_SIZE_MAX ((int64_t)64 << 30)

struct mirror_entry {
    const char *path, *sha256; /* point into the manifest */
    int64_t size;
};

struct mirror {
    const char *api, *from; /* from: what is there now, may be missing */
    char *into;
    struct mirror_entry *entries;
    size_t count;
    atomic_size_t next;
    const atomic_bool *stop;
    atomic_bool failed;
    pthread_mutex_t lock; /* of err */
    struct err err;       /* of the first that failed */
};

/* A path that stays below its root however it is joined: no empty, "." or ".." part, no control character. */
static bool is_safe_path(const char *path)
{
    size_t len = strlen(path);
    if (!len || len > DATASET_PATH_MAX)
        return false;
    for (const char *part = path;;) {
        size_t size = strcspn(part, "/");
        if (!size || (size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        for (size_t i = 0; i < size; i++)
            if ((unsigned char)part[i] < 0x20 || part[i] == 0x7f || part[i] == '\\')
                return false;
        if (!part[size])
            return true;
        part += size + 1;
    }
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct mirror_entry *)a)->path, ((const struct mirror_entry *)b)->path);
}

/* What the broker left out, for people; empty: nothing. */
static const char *notice_of(const cJSON *manifest)
{
    const cJSON *left_out = cJSON_GetObjectItemCaseSensitive(manifest, "leftOut");
    const char *notice = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(left_out, "notice"));
    return notice ? notice : "";
}

static int read_manifest(struct mirror *mirror, const cJSON *manifest, struct err *err)
{
    const cJSON *files = cJSON_GetObjectItemCaseSensitive(manifest, "files"), *file;
    if (!cJSON_IsArray(files))
        return err_set(err, "the broker's dataset is not a list of files");
    size_t count = 0;
    cJSON_ArrayForEach(file, files) count++;
    if (!count) {
        const char *notice = notice_of(manifest);
        return err_set(err, "the broker has no dataset%s%s", *notice ? ": " : "", notice);
    }
    if (count > FILES_MAX)
        return err_set(err, "the broker's dataset has more than %d files", FILES_MAX);
    if (!(mirror->entries = calloc(count, sizeof *mirror->entries)))
        return err_set(err, "no memory for a dataset of %zu files", count);
    cJSON_ArrayForEach(file, files)
    {
        const cJSON *path = cJSON_GetObjectItemCaseSensitive(file, "path");
        const cJSON *size = cJSON_GetObjectItemCaseSensitive(file, "size");
        const cJSON *sha256 = cJSON_GetObjectItemCaseSensitive(file, "sha256");
        if (!cJSON_IsString(path) || !is_safe_path(path->valuestring))
            return err_set(err, "the broker's dataset names a file '%s', which is no path below a folder",
                           cJSON_IsString(path) ? path->valuestring : "");
        if (!cJSON_IsNumber(size) || size->valuedouble < 0 || size->valuedouble > (double)FILE_SIZE_MAX ||
            !cJSON_IsString(sha256) || !sha256_is_hex(sha256->valuestring))
            return err_set(err, "the broker's dataset lacks size or digest of '%s'", path->valuestring);
        mirror->entries[mirror->count++] =
            (struct mirror_entry){ path->valuestring, sha256->valuestring, (int64_t)size->valuedouble };
    }
    qsort(mirror->entries, mirror->count, sizeof *mirror->entries, compare_entries);
    return 0;
}

static bool has(const char *path, const struct mirror_entry *entry)
{
    char sha256[SHA256_HEX_SIZE];
    return fs_is_file(path) && fs_size(path) == entry->size && !sha256_file(path, sha256, NULL) &&
           !strcmp(sha256, entry->sha256);
}

static int get_one(const struct mirror *mirror, const struct mirror_entry *entry, struct err *err)
{
    char *target = fs_join(mirror->into, entry->path), *there = fs_join(mirror->from, entry->path), *url = NULL;
    int result = -1;
    if (!target || !there || asprintf(&url, "%s/blobs/%s", mirror->api, entry->sha256) < 0) {
        url = NULL;
        err_set(err, "no memory to fetch '%s'", entry->path);
        goto out;
    }
    if (has(target, entry)) {
        result = 0;
        goto out;
    }
    char *slash = strrchr(target, '/');
    *slash = 0;
    int made = fs_make_dirs(target, err);
    *slash = '/';
    if (made)
        goto out;
    unlink(target);
    if (has(there, entry) && !link(there, target))
        result = 0;
    else if (http_download(url, target, entry->sha256, entry->size, mirror->stop, err))
        err_prefix(err, "dataset file '%s'", entry->path);
    else
        result = 0;
out:
    free(url);
    free(there);
    free(target);
    return result;
}

static void *get_some(void *arg)
{
    struct mirror *mirror = arg;
    while (!atomic_load(&mirror->failed)) {
        struct err err = ERR_INIT;
        size_t index = atomic_fetch_add(&mirror->next, 1);
        if (index >= mirror->count)
            break;
        int failed = *mirror->stop ? err_set(&err, "stopped") : get_one(mirror, &mirror->entries[index], &err);
        if (!failed)
            continue;
        pthread_mutex_lock(&mirror->lock);
        if (!atomic_exchange(&mirror->failed, true))
            mirror->err = err;
        pthread_mutex_unlock(&mirror->lock);
    }
    return NULL;
}

/* The caller's thread works too, so that a machine out of threads is slow and not stuck. */
static int get_all(struct mirror *mirror, struct err *err)
{
    pthread_t threads[THREADS - 1];
    int started = 0;
    while (started < THREADS - 1 && !pthread_create(&threads[started], NULL, get_some, mirror))
        started++;
    get_some(mirror);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return atomic_load(&mirror->failed) ? err_set(err, "%s", mirror->err.text) : 0;
}

/* What an attempt at another manifest left behind. */
static int remove_others(const struct mirror *mirror, struct err *err)
{
    struct fs_list files = { 0 };
    if (fs_list_tree(mirror->into, 2 * FILES_MAX, &files, err))
        return -1;
    int result = 0;
    for (size_t i = 0; i < files.count && !result; i++) {
        struct mirror_entry wanted = { .path = files.paths[i] };
        if (bsearch(&wanted, mirror->entries, mirror->count, sizeof *mirror->entries, compare_entries))
            continue;
        char *path = fs_join(mirror->into, files.paths[i]);
        result = path ? fs_remove_tree(path, err) : err_set(err, "no memory");
        free(path);
    }
    fs_list_release(&files);
    return result;
}

/* A folder of a lower layer of an overlayfs cannot be renamed. It can go at once: what of it is still of use is in the
 * new one already. */
static int move_away(const char *dir, const char *old, struct err *err)
{
    if (!rename(dir, old) || errno == ENOENT)
        return 0;
    if (errno == EXDEV)
        return fs_remove_tree(dir, err);
    return err_set(err, "cannot put '%s' aside: %s", dir, strerror(errno));
}

/* The manifest's file is emptied before and written after: wherever this is interrupted, the next attempt compares. */
static int put_in_place(const struct mirror *mirror, const char *dir, const char *manifest_path, const struct buf *text,
                        struct err *err)
{
    char *old = NULL;
    int result = -1;
    if (asprintf(&old, "%s.old", dir) < 0)
        return err_set(err, "no memory to put the dataset in place");
    if (fs_write(manifest_path, "", 0, err) || fs_remove_tree(old, err) || move_away(dir, old, err))
        goto out;
    if (rename(mirror->into, dir)) {
        err_set(err, "cannot put the dataset in place as '%s': %s", dir, strerror(errno));
        goto out;
    }
    if (!fs_remove_tree(old, err))
        result = fs_write(manifest_path, buf_text(text), text->len, err);
out:
    free(old);
    return result;
}

static bool is_known(const char *dir, const char *manifest_path, const struct buf *text)
{
    char *known = NULL;
    size_t count;
    if (!fs_is_dir(dir) || fs_read(manifest_path, MANIFEST_MAX, &known, &count, NULL))
        return false;
    bool same = count == text->len && !memcmp(known, buf_text(text), count);
    free(known);
    return same;
}

int fetch_dataset(const char *api, const char *dir, const char *manifest_path, const atomic_bool *stop, struct err *err)
{
    struct http_response response = { 0 };
    struct mirror mirror = { .api = api, .from = dir, .stop = stop };
    char *url = NULL;
    cJSON *manifest = NULL;
    int result = -1;

    pthread_mutex_init(&mirror.lock, NULL);
    atomic_init(&mirror.next, 0);
    atomic_init(&mirror.failed, false);
    if (asprintf(&url, "%s/dataset", api) < 0 || asprintf(&mirror.into, "%s.new", dir) < 0) {
        err_set(err, "no memory to fetch the dataset");
        goto out;
    }
    struct http_request request = { .url = url, .max_response = MANIFEST_MAX, .stall_s = 300, .stop = stop };
    if (http_send(&request, &response, err)) /* the broker may have to hash it all first, hence the patience */
        goto out;
    if (response.status != 200) {
        err_set(err, "the broker offers no dataset: it answered %d", response.status);
        goto out;
    }
    if (is_known(dir, manifest_path, &response.body)) {
        result = 0;
        goto out;
    }
    manifest = cJSON_ParseWithLength(buf_text(&response.body), response.body.len);
    if (read_manifest(&mirror, manifest, err))
        goto out;
    log_info("the dataset of %zu files is fetched into '%s'", mirror.count, dir);
    if (fs_make_dirs(mirror.into, err) || get_all(&mirror, err) || remove_others(&mirror, err))
        goto out;
    result = put_in_place(&mirror, dir, manifest_path, &response.body, err);
out:
    pthread_mutex_destroy(&mirror.lock);
    cJSON_Delete(manifest);
    http_response_release(&response);
    free(mirror.entries);
    free(mirror.into);
    free(url);
    return result;
}

void fetch_dataset_notice(const char *manifest_path, struct notices *notices)
{
    char *text = NULL;
    size_t count;
    if (fs_read(manifest_path, MANIFEST_MAX, &text, &count, NULL))
        return;
    cJSON *manifest = cJSON_ParseWithLength(text, count);
    const char *notice = notice_of(manifest);
    if (*notice)
        notices_add(notices, "%s", notice);
    cJSON_Delete(manifest);
    free(text);
}
