/* See fs_lock.h. A lock keeps two processes out of each other's way; a file system without locks is no reason not to
 * work on it at all. NFS without its lock service says ENOLCK, FUSE ENOSYS or EOPNOTSUPP, some network file systems
 * EINVAL, NFS of what is open for reading alone EBADF. Only EWOULDBLOCK says that somebody has the lock. */
#include "dcls/base/fs_lock.h"

#include <errno.h>
#include <sys/file.h>

enum fs_lock fs_lock(int fd)
{
    int failed;
    do
        failed = flock(fd, LOCK_EX | LOCK_NB);
    while (failed && errno == EINTR);
    if (!failed)
        return FS_LOCK_OURS;
    return errno == EWOULDBLOCK ? FS_LOCK_TAKEN : FS_LOCK_MISSING;
}
