/* The files' times of change are the order in which they go, so nothing but the folder needs to be kept; how much it
 * holds is counted along, and counted anew when the quota is passed. */
#include "thumbnail_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "dcls/base/log.h"

#define HEAD "dcls thumbnail 1\n"
#define HEAD_SIZE (sizeof HEAD - 1 + 2 * SHA256_HEX_SIZE) /* HEAD, the key and a newline, the hash and a newline */
#define PART ".part"
#define BLOCK 4096 /* bytes of the disk that a file takes are counted in these */

struct thumbnail_cache {
    char *dir;
    int64_t quota, used;
    bool failed; /* the last one could not be kept */
};

struct thumbnail_file {
    char name[SHA256_HEX_SIZE];
    int64_t size;
    struct timespec at;
};

struct thumbnail_files {
    struct thumbnail_file *items;
    size_t count, capacity;
    int64_t used;
};

struct thumbnail_cache *thumbnail_cache_new(const char *dir, int64_t quota)
{
    struct thumbnail_cache *cache = calloc(1, sizeof *cache);
    if (!cache || !(cache->dir = strdup(dir))) {
        free(cache);
        return NULL;
    }
    cache->quota = quota;
    return cache;
}

void thumbnail_cache_free(struct thumbnail_cache *cache)
{
    if (!cache)
        return;
    free(cache->dir);
    free(cache);
}

int thumbnail_key(const char *image_path, const struct stat *info, int width, char key[SHA256_HEX_SIZE],
                  struct err *err)
{
    char *text = NULL;
    int64_t modified = (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
    int size = asprintf(&text, "%" PRId64 " %" PRId64 " %" PRIuMAX " %d %s", (int64_t)info->st_size, modified,
                        (uintmax_t)info->st_ino, width, image_path);
    if (size < 0)
        return err_set(err, "no memory");
    int status = sha256_bytes(text, (size_t)size, key, err);
    free(text);
    return status;
}

static int64_t size_on_disk(int64_t size)
{
    return (size + BLOCK - 1) / BLOCK * BLOCK;
}

/* A name of ours: a key, or one on its way. */
static bool is_ours(const char *name, bool *part)
{
    char key[SHA256_HEX_SIZE];
    snprintf(key, sizeof key, "%.64s", name);
    *part = strlen(name) > SHA256_HEX_SIZE - 1;
    return sha256_is_hex(key) && (!*part || !strcmp(name + SHA256_HEX_SIZE - 1, PART));
}

static int add(struct thumbnail_files *list, const char *name, const struct stat *info)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 1024;
        struct thumbnail_file *items = reallocarray(list->items, capacity, sizeof *items);
        if (!items)
            return -1;
        list->items = items;
        list->capacity = capacity;
    }
    struct thumbnail_file *file = &list->items[list->count++];
    snprintf(file->name, sizeof file->name, "%.64s", name);
    file->size = size_on_disk(info->st_size);
    file->at = info->st_mtim;
    list->used += file->size;
    return 0;
}

/* All that is kept; what is left of writes is removed. The caller frees list->items, whatever comes of it. */
static int survey(DIR *dir, struct thumbnail_files *list)
{
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        struct stat info;
        bool part;
        if (!is_ours(entry->d_name, &part) || fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) ||
            !S_ISREG(info.st_mode))
            continue;
        if (part)
            unlinkat(dirfd(dir), entry->d_name, 0);
        else if (add(list, entry->d_name, &info))
            return -1;
    }
    return 0;
}

static int older_first(const void *left, const void *right)
{
    const struct thumbnail_file *a = left, *b = right;
    if (a->at.tv_sec != b->at.tv_sec)
        return a->at.tv_sec < b->at.tv_sec ? -1 : 1;
    if (a->at.tv_nsec != b->at.tv_nsec)
        return a->at.tv_nsec < b->at.tv_nsec ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* Counts what is there; of more than the quota the oldest go, and a tenth beyond it, so that this is rare. */
static void sweep(struct thumbnail_cache *cache)
{
    struct thumbnail_files list = { 0 };
    DIR *dir = opendir(cache->dir);
    if (!dir) {
        cache->used = 0;
        return;
    }
    if (survey(dir, &list))
        log_warn("no memory to count the thumbnails in '%s'", cache->dir);
    size_t removed = 0;
    if (list.used > cache->quota) {
        qsort(list.items, list.count, sizeof *list.items, older_first);
        for (size_t i = 0; i < list.count && list.used > cache->quota / 10 * 9; i++) {
            if (unlinkat(dirfd(dir), list.items[i].name, 0) && errno != ENOENT)
                continue;
            list.used -= list.items[i].size;
            removed++;
        }
        log_info("%zu thumbnails go: they passed their quota", removed);
    }
    cache->used = list.used;
    closedir(dir);
    free(list.items);
}

void thumbnail_cache_scan(struct thumbnail_cache *cache)
{
    sweep(cache);
}

static void head_of(const char *key, const char *sha256, char head[HEAD_SIZE + 1])
{
    snprintf(head, HEAD_SIZE + 1, HEAD "%s\n%s\n", key, sha256);
}

/* What the file holds behind its head; NULL where it cannot be read now, or is `damaged`: not what it claims to be. */
static char *read_checked(int fd, const char *key, size_t *count, bool *damaged)
{
    char sha256[SHA256_HEX_SIZE], head[HEAD_SIZE + 1];
    struct stat info;
    *damaged = false;
    if (fstat(fd, &info))
        return NULL;
    *damaged = info.st_size <= (off_t)HEAD_SIZE || info.st_size > (off_t)HEAD_SIZE + THUMBNAIL_BYTES_MAX;
    size_t size = (size_t)info.st_size;
    char *bytes = *damaged ? NULL : malloc(size);
    if (!bytes)
        return NULL;
    *count = size - HEAD_SIZE;
    if (pread(fd, bytes, size, 0) != (ssize_t)size || sha256_bytes(bytes + HEAD_SIZE, *count, sha256, NULL))
        goto bad;
    head_of(key, sha256, head);
    *damaged = memcmp(bytes, head, HEAD_SIZE);
    if (*damaged)
        goto bad;
    memmove(bytes, bytes + HEAD_SIZE, *count);
    return bytes;
bad:
    free(bytes);
    return NULL;
}

char *thumbnail_cache_get(const struct thumbnail_cache *cache, const char *key, size_t *count)
{
    struct stat info;
    bool damaged;
    char *path = fs_join(cache->dir, key), *bytes = NULL;
    int fd = path ? fs_open_file(path, &info) : -1;
    if (fd >= 0) {
        bytes = read_checked(fd, key, count, &damaged);
        if (bytes)
            (void)futimens(fd, NULL); /* where it fails, it goes earlier */
        else if (damaged)
            unlink(path);
        close(fd);
    }
    free(path);
    return bytes;
}

/* 0, or the errno. */
static int write_part(const char *path, const char *head, const void *bytes, size_t count)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno;
    int cause = fs_put(fd, head, HEAD_SIZE);
    if (!cause)
        cause = fs_put(fd, bytes, count);
    if (close(fd) && !cause)
        cause = errno;
    return cause;
}

static int keep(const struct thumbnail_cache *cache, const char *key, const void *bytes, size_t count)
{
    char sha256[SHA256_HEX_SIZE], head[HEAD_SIZE + 1];
    char *path = fs_join(cache->dir, key), *part = NULL;
    int cause = ENOMEM;
    if (!path || asprintf(&part, "%s%s", path, PART) < 0) {
        part = NULL;
        goto out;
    }
    if (sha256_bytes(bytes, count, sha256, NULL))
        goto out;
    head_of(key, sha256, head);
    cause = write_part(part, head, bytes, count);
    if (cause == ENOENT && !fs_make_dirs(cache->dir, NULL))
        cause = write_part(part, head, bytes, count);
    if (!cause && rename(part, path))
        cause = errno;
    if (cause)
        unlink(part);
out:
    free(part);
    free(path);
    return cause;
}

void thumbnail_cache_put(struct thumbnail_cache *cache, const char *key, const void *bytes, size_t count)
{
    int cause = count > THUMBNAIL_BYTES_MAX ? EFBIG : keep(cache, key, bytes, count);
    if (cause && !cache->failed)
        log_warn("cannot keep thumbnails in '%s': %s", cache->dir, strerror(cause));
    cache->failed = cause;
    if (cause)
        return;
    cache->used += size_on_disk((int64_t)(HEAD_SIZE + count));
    if (cache->used > cache->quota)
        sweep(cache);
}
