/* See fs_copy.h. Every step goes by descriptor, and no link is followed. */
#include "dcls/base/fs_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "dcls/base/fs_sync.h"

enum {
    LEVELS = 32, /* each holds two descriptors open */
    PIECE = 65536
};

/* Each of these returns 0 or the errno. */
static int copy_folder(int from, int into, int level);

static int copy_bytes(int from, int into)
{
    char piece[PIECE];
    for (;;) {
        ssize_t count = read(from, piece, sizeof piece);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno;
        if (count == 0)
            return 0;
        int cause = fs_put(into, piece, (size_t)count);
        if (cause)
            return cause;
    }
}

static int copy_file(int from_dir, int into_dir, const char *name, mode_t mode)
{
    int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (from < 0)
        return errno;
    int into = openat(into_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int cause = into < 0 ? errno : copy_bytes(from, into);
    if (!cause && fchmod(into, mode & 07777))
        cause = errno;
    if (!cause)
        cause = fs_sync(into);
    if (into >= 0 && close(into) && !cause)
        cause = errno;
    close(from);
    return cause;
}

static int copy_link(int from_dir, int into_dir, const char *name)
{
    char target[PATH_MAX];
    ssize_t count = readlinkat(from_dir, name, target, sizeof target - 1);
    if (count < 0)
        return errno;
    target[count] = '\0';
    return symlinkat(target, into_dir, name) ? errno : 0;
}

static int copy_below(int from_dir, int into_dir, const char *name, int level)
{
    if (level == LEVELS)
        return ELOOP;
    if (mkdirat(into_dir, name, 0700))
        return errno;
    int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int into = from < 0 ? -1 : openat(into_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int cause = into < 0 ? errno : copy_folder(from, into, level + 1);
    if (into >= 0)
        close(into);
    if (from >= 0)
        close(from);
    return cause;
}

static int copy_entry(int from, int into, const char *name, int level)
{
    struct stat info;
    if (fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW))
        return errno;
    if (S_ISREG(info.st_mode))
        return copy_file(from, into, name, info.st_mode);
    if (S_ISLNK(info.st_mode))
        return copy_link(from, into, name);
    return S_ISDIR(info.st_mode) ? copy_below(from, into, name, level) : 0;
}

static int copy_folder(int from, int into, int level)
{
    struct stat info;
    struct dirent *entry;
    int again = dup(from), cause = 0;
    DIR *dir = again < 0 ? NULL : fdopendir(again);
    if (!dir) {
        cause = errno;
        if (again >= 0)
            close(again);
        return cause;
    }
    while (!cause && (errno = 0, entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            cause = copy_entry(from, into, entry->d_name, level);
    if (!cause)
        cause = errno; /* readdir's */
    closedir(dir);
    if (!cause && (fstat(from, &info) || fchmod(into, info.st_mode & 07777)))
        cause = errno;
    return cause ? cause : fs_sync(into);
}

int fs_copy_tree(const char *from, const char *into, struct err *err)
{
    int source = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int target = source < 0 ? -1 : open(into, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int cause = target < 0 ? errno : copy_folder(source, target, 0);
    if (target >= 0)
        close(target);
    if (source >= 0)
        close(source);
    return cause ? err_set(err, "cannot copy '%s': %s", from, strerror(cause)) : 0;
}
