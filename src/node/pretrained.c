/* See pretrained.h. */
#include "pretrained.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "dcls/base/fs_lock.h"
#include "dcls/net/http_client.h"
#include "dcls/base/log.h"
#include "dcls/base/sha256.h"

#define PLACE "https://download.pytorch.org/models"
#define FILE_MAX_BYTES ((int64_t)1 << 30)
#define LOCK_POLL_NS (200 * 1000 * 1000)

/* The person's cache folder, the caller's to free; NULL where there is none, as in a service or a container whose user
 * has no home. The XDG base directory specification has relative paths ignored. */
static char *user_cache(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *dir = NULL;
    if (cache && *cache == '/')
        return fs_join(cache, "dcls");
    /* A home that is not there is not made, and "/" is nobody's. */
    if (!home || *home != '/' || !home[strspn(home, "/")] || !fs_is_dir(home))
        return NULL;
    return asprintf(&dir, "%s/.cache/dcls", home) < 0 ? NULL : dir;
}

static bool is_usable(const char *dir, const char *path)
{
    return fs_is_file(path) || (!fs_make_dirs(dir, NULL) && !faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS));
}

char *pretrained_path(const struct network *network, const char *node_dir, struct err *err)
{
    char *dir = user_cache(), *path = dir ? fs_join(dir, network->weights_file) : NULL;
    if (!path || !is_usable(dir, path)) {
        free(path);
        path = fs_join(node_dir, network->weights_file);
    }
    if (!path)
        err_set(err, "no memory for '%s'", network->weights_file);
    free(dir);
    return path;
}

/* 0: whole; -1 with err: damaged, or another file. */
static int check(const struct network *network, const char *path, struct err *err)
{
    char hex[SHA256_HEX_SIZE];
    if (sha256_file(path, hex, err))
        return -1;
    if (!strncmp(hex, network->weights_sha256, strlen(network->weights_sha256)))
        return 0;
    return err_set(err, "'%s' is refused: its SHA-256 begins with '%.8s' instead of '%s'", path, hex,
                   network->weights_sha256);
}

static int download(const struct network *network, const char *path, const atomic_bool *stop, struct err *err)
{
    const char *place = getenv("DCLS_WEIGHTS_URL");
    char *url = NULL;
    place = place && *place ? place : PLACE;
    if (strncmp(place, "https://", 8))
        return err_set(err, "DCLS_WEIGHTS_URL '%s' is no https:// URL", place);
    bool slash = place[strlen(place) - 1] == '/';
    if (asprintf(&url, "%s%s%s", place, slash ? "" : "/", network->weights_file) < 0)
        return err_set(err, "no memory for '%s'", network->weights_file);
    log_info("fetching '%s'", url);
    int status = http_download(url, path, network->weights_sha256, FILE_MAX_BYTES, stop, err);
    free(url);
    return status;
}

/* The lock on `path`.lock, for which others that fetch the same file wait, or where there are no locks that file alone;
 * -1 with err. */
static int lock_file(const char *path, const atomic_bool *stop, struct err *err)
{
    char *name = NULL;
    int fd = -1;
    if (asprintf(&name, "%s.lock", path) < 0)
        return err_set(err, "no memory for '%s'", path);
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        err_set(err, "cannot write '%s': %s", name, strerror(errno));
    enum fs_lock lock = FS_LOCK_OURS;
    while (fd >= 0 && (lock = fs_lock(fd)) == FS_LOCK_TAKEN) {
        if (!*stop) {
            nanosleep(&(struct timespec){ .tv_nsec = LOCK_POLL_NS }, NULL);
            continue;
        }
        err_set(err, "cannot lock '%s': stopped", name);
        close(fd);
        fd = -1;
    }
    if (lock == FS_LOCK_MISSING)
        log_warn("'%s' cannot be locked (%s): another may fetch the same file", name, strerror(errno));
    free(name);
    return fd;
}

int pretrained_fetch(const struct network *network, const char *path, const atomic_bool *stop, struct err *err)
{
    struct err damage = ERR_INIT;
    char *dir = strdup(path);
    int lock = -1, status = -1;
    if (!dir) {
        err_set(err, "no memory for '%s'", path);
        goto out;
    }
    *strrchr(dir, '/') = '\0';
    /* A whole one needs no lock, which a cache that is only read could not hold. */
    if (fs_is_file(path) && !check(network, path, NULL)) {
        status = 0;
        goto out;
    }
    if (fs_make_dirs(dir, err) || (lock = lock_file(path, stop, err)) < 0)
        goto out;
    if (fs_is_file(path)) {
        status = check(network, path, &damage);
        if (!status)
            goto out;
        log_warn("%s: it is fetched anew", damage.text);
    }
    status = download(network, path, stop, err);
    if (status && *damage.text)
        err_prefix(err, "%s", damage.text);
out:
    if (lock >= 0)
        close(lock);
    free(dir);
    return status;
}
