/* Whole files: reads with a limit, writes that either happen or leave nothing, folders made and removed.
 *
 * Nothing here blocks on a FIFO or a device, and nothing follows a link while removing. */
#include "dcls/base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/fs_sync.h"

enum {
    FIRST_READ = 4096,
    TEMPORARY_TRIES = 16,
    TEMPORARY_DIGITS = 16,
    REMOVE_LEVELS = 64 /* each holds a descriptor open */
};

static int read_all(int fd, const char *path, size_t expected, size_t max, char **bytes, size_t *count, struct err *err)
{
    size_t cap = expected + 1 > FIRST_READ ? expected + 1 : FIRST_READ, len = 0;
    char *data = malloc(cap);
    if (!data)
        return err_set(err, "out of memory reading '%s'", path);
    for (;;) {
        if (len + 1 == cap) {
            /* It grows while it is read, or its size was not told (/proc). */
            size_t wider = cap > (SIZE_MAX / 2) ? SIZE_MAX : cap * 2;
            char *moved = realloc(data, wider);
            if (!moved) {
                free(data);
                return err_set(err, "out of memory reading '%s'", path);
            }
            data = moved;
            cap = wider;
        }
        ssize_t got = read(fd, data + len, cap - len - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            int cause = errno;
            free(data);
            return err_set(err, "cannot read '%s': %s", path, strerror(cause));
        }
        if (got == 0)
            break;
        len += (size_t)got;
        if (len > max) {
            free(data);
            return err_set(err, "'%s' is larger than %zu bytes", path, max);
        }
    }
    data[len] = '\0';
    *bytes = data;
    *count = len;
    return 0;
}

int fs_open(const char *path, struct stat *info, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_set(err, "cannot open '%s': %s", path, strerror(errno));
    if (fstat(fd, info))
        err_set(err, "cannot read '%s': %s", path, strerror(errno));
    else if (!S_ISREG(info->st_mode))
        err_set(err, "'%s' is no regular file", path);
    else
        return fd;
    close(fd);
    return -1;
}

int fs_read(const char *path, size_t max, char **bytes, size_t *count, struct err *err)
{
    *bytes = NULL;
    *count = 0;
    int status = -1;
    struct stat info;
    int fd = fs_open(path, &info, err);
    if (fd < 0)
        return -1;
    if (info.st_size < 0 || (uintmax_t)info.st_size > max)
        err_set(err, "'%s' is larger than %zu bytes", path, max);
    else
        status = read_all(fd, path, (size_t)info.st_size, max, bytes, count, err);
    close(fd);
    return status;
}

int fs_read_open(int fd, const char *what, size_t max, char **bytes, size_t *count, struct err *err)
{
    struct stat info;
    *bytes = NULL;
    *count = 0;
    if (fstat(fd, &info) || !S_ISREG(info.st_mode))
        return err_set(err, "%s is no regular file", what);
    if (info.st_size < 0 || (uintmax_t)info.st_size > max)
        return err_set(err, "%s is larger than %zu bytes", what, max);
    size_t size = (size_t)info.st_size, have = 0;
    char *data = malloc(size + 1);
    if (!data)
        return err_set(err, "no memory for %s", what);
    while (have < size) {
        ssize_t got = pread(fd, data + have, size - have, (off_t)have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            err_set(err, "cannot read %s: %s", what, got ? strerror(errno) : "it became shorter");
            free(data);
            return -1;
        }
        have += (size_t)got;
    }
    data[size] = '\0';
    *bytes = data;
    *count = size;
    return 0;
}

/* The folder that holds `path`, in heap memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static int sync_folder(const char *path, struct err *err)
{
    char *folder = folder_of(path);
    if (!folder)
        return err_set(err, "out of memory");
    int status = fs_sync_dir(folder, err);
    free(folder);
    return status;
}

int fs_commit(const char *temporary, const char *path, struct err *err)
{
    int fd = open(temporary, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0)
        return err_set(err, "cannot open '%s': %s", temporary, strerror(errno));
    int failed = fs_sync(fd);
    close(fd);
    if (failed) {
        unlink(temporary);
        return err_set(err, "cannot flush '%s': %s", temporary, strerror(failed));
    }
    if (rename(temporary, path)) {
        err_set(err, "cannot write '%s': %s", path, strerror(errno));
        unlink(temporary);
        return -1;
    }
    return sync_folder(path, err);
}

/* Creates a file beside `path` under a name that nobody else has: two writers of one path must not share it. */
static int open_temporary(const char *path, char **name, struct err *err)
{
    char *folder = folder_of(path);
    if (!folder)
        return err_set(err, "out of memory");
    int fd = -1, cause = EEXIST;
    for (int i = 0; i < TEMPORARY_TRIES && fd < 0 && cause == EEXIST; i++) {
        uint64_t number;
        if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
            cause = errno;
            break;
        }
        if (asprintf(name, "%s/.%016llx.tmp", folder, (unsigned long long)number) < 0) {
            *name = NULL;
            cause = ENOMEM;
            break;
        }
        fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        cause = errno;
        if (fd < 0) {
            free(*name);
            *name = NULL;
        }
    }
    free(folder);
    if (fd < 0)
        return err_set(err, "cannot write '%s': %s", path, strerror(cause));
    return fd;
}

static bool is_temporary(const char *name)
{
    return name[0] == '.' && strspn(name + 1, "0123456789abcdef") == TEMPORARY_DIGITS &&
           !strcmp(name + 1 + TEMPORARY_DIGITS, ".tmp");
}

void fs_remove_temporaries(const char *dir)
{
    DIR *open_dir = opendir(dir);
    for (struct dirent *entry = open_dir ? readdir(open_dir) : NULL; entry; entry = readdir(open_dir))
        if (is_temporary(entry->d_name))
            unlinkat(dirfd(open_dir), entry->d_name, 0);
    if (open_dir)
        closedir(open_dir);
}

int fs_put(int fd, const void *bytes, size_t count)
{
    for (size_t done = 0; done < count;) {
        ssize_t put = write(fd, (const char *)bytes + done, count - done);
        if (put > 0)
            done += (size_t)put;
        else if (put == 0)
            return EIO;
        else if (errno != EINTR)
            return errno;
    }
    return 0;
}

int fs_write(const char *path, const void *bytes, size_t count, struct err *err)
{
    const struct iovec part = { (void *)(uintptr_t)bytes, count };
    return fs_write_parts(path, &part, 1, err);
}

int fs_write_parts(const char *path, const struct iovec *parts, int count, struct err *err)
{
    char *temporary = NULL;
    int fd = open_temporary(path, &temporary, err);
    if (fd < 0)
        return -1;
    int status = 0, cause = 0;
    for (int i = 0; i < count && !cause; i++)
        cause = fs_put(fd, parts[i].iov_base, parts[i].iov_len);
    if (close(fd) && !cause)
        cause = errno;
    if (cause) {
        unlink(temporary);
        status = err_set(err, "cannot write '%s': %s", path, strerror(cause));
    } else {
        status = fs_commit(temporary, path, err);
    }
    free(temporary);
    return status;
}

int fs_make_dirs(const char *path, struct err *err)
{
    if (!*path)
        return err_set(err, "a folder without a name cannot be made");
    char *partial = strdup(path);
    if (!partial)
        return err_set(err, "out of memory");
    int status = 0;
    for (char *c = partial + 1; !status; c++) {
        if (*c && *c != '/')
            continue;
        char kept = *c;
        *c = '\0';
        if (mkdir(partial, 0777) && !(errno == EEXIST && fs_is_dir(partial)))
            status =
                err_set(err, "cannot make the folder '%s': %s", partial, strerror(errno == EEXIST ? ENOTDIR : errno));
        *c = kept;
        if (!kept)
            break;
    }
    free(partial);
    return status;
}

/* Empties and removes the folder `name` of the open folder `parent`. Every step goes by descriptor, so that a folder
 * swapped for a link in between cannot lead elsewhere. */
static int remove_folder(int parent, const char *name, const char *shown, int level, struct err *err)
{
    if (level > REMOVE_LEVELS)
        return err_set(err, "cannot remove '%s': it is nested too deep", shown);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_set(err, "cannot remove '%s': %s", shown, strerror(errno));
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return err_set(err, "cannot remove '%s': %s", shown, strerror(ENOMEM));
    }
    int status = 0;
    struct dirent *entry;
    while (!status && (errno = 0, entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (!unlinkat(dirfd(dir), entry->d_name, 0) || errno == ENOENT)
            continue;
        if (errno == EISDIR || errno == EPERM)
            status = remove_folder(dirfd(dir), entry->d_name, shown, level + 1, err);
        else
            status = err_set(err, "cannot remove '%s/%s': %s", shown, entry->d_name, strerror(errno));
    }
    if (!status && errno)
        status = err_set(err, "cannot remove '%s': %s", shown, strerror(errno));
    closedir(dir);
    if (!status && unlinkat(parent, name, AT_REMOVEDIR) && errno != ENOENT)
        status = err_set(err, "cannot remove '%s': %s", shown, strerror(errno));
    return status;
}

int fs_remove_tree(const char *path, struct err *err)
{
    if (!unlink(path) || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return err_set(err, "cannot remove '%s': %s", path, strerror(errno));
    return remove_folder(AT_FDCWD, path, path, 0, err);
}

bool fs_is_dir(const char *path)
{
    struct stat info;
    return !stat(path, &info) && S_ISDIR(info.st_mode);
}

bool fs_is_file(const char *path)
{
    return fs_size(path) >= 0;
}

int64_t fs_size(const char *path)
{
    struct stat info;
    return !stat(path, &info) && S_ISREG(info.st_mode) ? (int64_t)info.st_size : -1;
}

int fs_open_file(const char *path, struct stat *info)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || (!fstat(fd, info) && S_ISREG(info->st_mode)))
        return fd;
    close(fd);
    return -1;
}

int fs_stamp(const char *path, struct fs_stamp *stamp)
{
    struct stat info;
    if (stat(path, &info))
        return -1;
    if (!S_ISREG(info.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    *stamp = (struct fs_stamp){ info.st_dev, info.st_ino, info.st_size, info.st_mtim };
    return 0;
}

bool fs_stamp_same(const struct fs_stamp *a, const struct fs_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

char *fs_join(const char *dir, const char *name)
{
    char *path = NULL;
    size_t len = strlen(dir);
    const char *slash = len && dir[len - 1] == '/' ? "" : "/";
    return asprintf(&path, "%s%s%s", dir, slash, name) < 0 ? NULL : path;
}
