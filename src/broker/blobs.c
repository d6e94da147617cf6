/* The blob store: see blobs.h. The files' times of change are the order of eviction, so nothing but the folder needs to
 * be kept. */
#include "blobs.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/base/sha256.h"

#define PATH_ROOM 4096
#define PART ".part"

struct blobs {
    char *dir;
    int64_t quota;
};

struct blobs *blobs_new(const char *dir, int64_t quota, struct err *err)
{
    if (strlen(dir) + SHA256_HEX_SIZE + sizeof PART + 1 >= PATH_ROOM) {
        err_set(err, "the path '%s' is too long", dir);
        return NULL;
    }
    if (fs_make_dirs(dir, err))
        return NULL;
    struct blobs *blobs = calloc(1, sizeof *blobs);
    if (!blobs || !(blobs->dir = strdup(dir))) {
        free(blobs);
        err_set(err, "no memory");
        return NULL;
    }
    blobs->quota = quota;
    return blobs;
}

void blobs_free(struct blobs *blobs)
{
    if (!blobs)
        return;
    free(blobs->dir);
    free(blobs);
}

static void path_of(const struct blobs *blobs, const char *sha256, const char *ending, char path[PATH_ROOM])
{
    snprintf(path, PATH_ROOM, "%s/%.64s%s", blobs->dir, sha256, ending);
}

void blobs_stat(const struct blobs *blobs, const char *sha256, struct blob_state *state)
{
    char path[PATH_ROOM];
    path_of(blobs, sha256, "", path);
    int64_t size = fs_size(path);
    state->complete = size >= 0;
    if (size < 0) {
        path_of(blobs, sha256, PART, path);
        size = fs_size(path);
    }
    state->held = size < 0 ? 0 : size;
}

static bool is_in_use(const char *name, const struct strings *in_use)
{
    for (size_t i = 0; in_use && i < in_use->count; i++)
        if (!strncmp(name, in_use->items[i], 64))
            return true;
    return false;
}

/* The bytes of all files, and the one that was touched longest ago of those that may go ("": none). */
static int64_t survey(const struct blobs *blobs, const char *keep, const struct strings *in_use, char oldest[PATH_ROOM])
{
    oldest[0] = '\0';
    DIR *dir = opendir(blobs->dir);
    if (!dir)
        return 0;
    int64_t total = 0;
    struct timespec least = { 0 };
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        struct stat status;
        if (fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode))
            continue;
        total += status.st_size;
        if (!strncmp(entry->d_name, keep, 64) || is_in_use(entry->d_name, in_use))
            continue;
        const struct timespec *at = &status.st_mtim;
        if (!oldest[0] || at->tv_sec < least.tv_sec || (at->tv_sec == least.tv_sec && at->tv_nsec < least.tv_nsec)) {
            least = *at;
            snprintf(oldest, PATH_ROOM, "%s/%s", blobs->dir, entry->d_name);
        }
    }
    closedir(dir);
    return total;
}

static int make_room(const struct blobs *blobs, int64_t more, const char *keep, const struct strings *in_use)
{
    char oldest[PATH_ROOM];
    while (survey(blobs, keep, in_use, oldest) + more > blobs->quota) {
        if (!oldest[0] || unlink(oldest) < 0)
            return -1;
        log_info("evicted blob '%s'", strrchr(oldest, '/') + 1);
    }
    return 0;
}

static int write_at(const char *path, int64_t offset, const char *bytes, size_t count, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return err_set(err, "cannot write '%s': %s", path, strerror(errno));
    int cause = lseek(fd, offset, SEEK_SET) < 0 ? errno : fs_put(fd, bytes, count);
    /* What a failed write left behind would make the next offset wrong. */
    if (cause && ftruncate(fd, offset) < 0)
        log_warn("cannot cut '%s' back: %s", path, strerror(errno));
    if (close(fd) < 0 && !cause)
        cause = errno;
    return cause ? err_set(err, "cannot write '%s': %s", path, strerror(cause)) : 0;
}

static enum blob_result complete(struct blobs *blobs, const char *sha256, const char *part, struct blob_state *state,
                                 struct err *err)
{
    char hex[SHA256_HEX_SIZE], path[PATH_ROOM];
    path_of(blobs, sha256, "", path);
    if (sha256_file(part, hex, err))
        return BLOB_ERROR;
    if (strcmp(hex, sha256)) {
        unlink(part);
        state->held = 0;
        err_set(err, "the bytes have the hash %s, not %s; they are dropped", hex, sha256);
        return BLOB_BAD;
    }
    if (fs_commit(part, path, err)) {
        unlink(path); /* what may not last is not held: it can be sent again */
        return BLOB_ERROR;
    }
    state->complete = true;
    return BLOB_DONE;
}

enum blob_result blobs_put(struct blobs *blobs, const char *sha256, int64_t offset, int64_t size, const void *bytes,
                           size_t count, const struct strings *in_use, struct blob_state *state, struct err *err)
{
    *state = (struct blob_state){ 0 };
    if (!sha256_is_hex(sha256)) {
        err_set(err, "'%.80s' is no SHA-256 in lower-case hex", sha256);
        return BLOB_BAD;
    }
    if (size < 0 || size > BLOB_MAX || offset < 0 || offset > size || (int64_t)count > size - offset) {
        err_set(err, "offset %lld and %zu bytes do not fit a blob of %lld (at most %lld)", (long long)offset, count,
                (long long)size, (long long)BLOB_MAX);
        return BLOB_BAD;
    }
    blobs_stat(blobs, sha256, state);
    if (state->complete)
        return BLOB_DONE;
    char part[PATH_ROOM];
    path_of(blobs, sha256, PART, part);
    if (state->held > size) { /* begun with another size: of no use */
        unlink(part);
        state->held = 0;
    }
    if (offset != state->held) {
        err_set(err, "%lld bytes are here: go on from there", (long long)state->held);
        return BLOB_OFFSET;
    }
    if (make_room(blobs, size - state->held, sha256, in_use)) {
        err_set(err, "the blobs would pass their quota of %lld bytes", (long long)blobs->quota);
        return BLOB_FULL;
    }
    enum blob_result result = write_at(part, offset, bytes, count, err) ? BLOB_ERROR : BLOB_DONE;
    if (result == BLOB_DONE) {
        state->held += (int64_t)count;
        assert(state->held <= size);
        if (state->held == size)
            result = complete(blobs, sha256, part, state, err);
    }
    if (result == BLOB_ERROR)
        err_rename(err, blobs->dir, "blobs"); /* clients are told */
    return result;
}

int blobs_open(struct blobs *blobs, const char *sha256, int64_t *size)
{
    if (!sha256_is_hex(sha256))
        return -1;
    char path[PATH_ROOM];
    struct stat status;
    path_of(blobs, sha256, "", path);
    int fd = fs_open_file(path, &status);
    if (fd < 0)
        return -1;
    *size = status.st_size;
    if (futimens(fd, NULL) < 0)
        log_debug("cannot mark '%s' as used: %s", path, strerror(errno));
    return fd;
}
