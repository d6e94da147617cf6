/* Advisory locks of open files and folders (flock), of which not every file system has any. */
#ifndef DCLS_BASE_FS_LOCK_H
#define DCLS_BASE_FS_LOCK_H

enum fs_lock {
    FS_LOCK_OURS,   /* until the descriptor is closed */
    FS_LOCK_TAKEN,  /* somebody else has it */
    FS_LOCK_MISSING /* nobody can have it, and errno says why. Who wants it goes on without, and may tell of it. */
};

/* Asks for the whole lock of `fd`, without waiting. */
enum fs_lock fs_lock(int fd);

#endif
