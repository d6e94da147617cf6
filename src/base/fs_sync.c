/* See fs_sync.h. Many network and FUSE file systems refuse fsync of a folder, and a folder that may be written but not
 * read cannot be opened for it. Then everything is flushed: syncfs, else sync, which cannot fail. That takes longer,
 * and it is as durable. Any other error says that bytes are lost; asking again would prove nothing, as the kernel tells
 * of it once. */
#include "dcls/base/fs_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Says that the call is not for this file, by whatever name: of the file system's, of an old kernel's, of a filter's.
 */
static bool is_unsupported(int cause)
{
    static const int causes[] = { EINVAL, ENOTSUP, EBADF, EROFS, ENOSYS, EPERM, EACCES, EISDIR, ENOTTY };
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        if (cause == causes[i])
            return true;
    return false;
}

/* The errno of a call that is made again where a signal broke it off. */
static int cause_of(int (*flush)(int), int fd)
{
    int failed;
    do
        failed = flush(fd);
    while (failed && errno == EINTR);
    return failed ? errno : 0;
}

int fs_sync(int fd)
{
    int cause = cause_of(fsync, fd);
    if (is_unsupported(cause))
        cause = cause_of(syncfs, fd);
    if (is_unsupported(cause)) {
        sync();
        cause = 0;
    }
    return cause;
}

int fs_sync_dir(const char *dir, struct err *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return err_set(err, "cannot flush the folder '%s': %s", dir, strerror(errno));
    if (fd < 0) {
        sync();
        return 0;
    }
    int cause = fs_sync(fd);
    close(fd);
    return cause ? err_set(err, "cannot flush the folder '%s': %s", dir, strerror(cause)) : 0;
}
