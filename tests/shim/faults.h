/* Faults of a file system, where a test wants them: calls of the program that change folders, flush or lock pass
 * through this file, which may refuse them or end the process before one of them. A unit test includes it and sets
 * `faults`; faults.c makes a library of it that is loaded before others. */
#ifndef TESTS_SHIM_FAULTS_H
#define TESTS_SHIM_FAULTS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    /* The errno that a call gives; 0: it works. */
    int exchange, sync_file, sync_dir, sync_all, lock;
    ino_t sync_only;     /* sync_dir is of this folder alone; 0: of each */
    const char *undying; /* files of this name cannot be deleted (EIO); NULL: all can */
    bool unsynced;       /* what works is not really flushed, for tests that flush often */
    /* A folder that cannot be renamed (EXDEV), as one of a lower layer of an overlayfs; 0: none. */
    ino_t lower;
    /* Calls that change a folder or flush: each is counted once one of an exchange came, or from the start. */
    bool from_exchange;
    long steps;
    long crash;       /* the count of the call that is not done any more: the process ends; 0: none */
    bool with_parent; /* and the process that started it */
} faults;

static inline void faults_step(void)
{
    if (faults.from_exchange)
        return;
    if (__atomic_add_fetch(&faults.steps, 1, __ATOMIC_RELAXED) != faults.crash)
        return;
    if (faults.with_parent)
        kill(getppid(), SIGKILL);
    kill(getpid(), SIGKILL);
}

static inline bool faults_is_lower(const char *path)
{
    struct stat info;
    return faults.lower && !lstat(path, &info) && info.st_ino == faults.lower;
}

static inline int faults_refuse(int cause)
{
    errno = cause;
    return -1;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
    faults.from_exchange = false;
    faults_step();
    if (faults.exchange)
        return faults_refuse(faults.exchange);
    if (faults_is_lower(from) || faults_is_lower(to))
        return faults_refuse(EXDEV);
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int rename(const char *from, const char *to)
{
    faults_step();
    if (faults_is_lower(from))
        return faults_refuse(EXDEV);
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int unlinkat(int dir, const char *path, int flags)
{
    struct stat info;
    const char *slash = strrchr(path, '/');
    faults_step();
    if (faults.undying && !strcmp(slash ? slash + 1 : path, faults.undying))
        return faults_refuse(EIO);
    bool is_lower = faults.lower && !fstatat(dir, path, &info, AT_SYMLINK_NOFOLLOW) && info.st_ino == faults.lower;
    int failed = (int)syscall(SYS_unlinkat, dir, path, flags);
    if (is_lower && !failed)
        faults.lower = 0; /* its number may become another's */
    return failed;
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdir(const char *path, mode_t mode)
{
    faults_step();
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int fsync(int fd)
{
    struct stat info;
    faults_step();
    if (fstat(fd, &info))
        return -1;
    int cause = S_ISDIR(info.st_mode) ? faults.sync_dir : faults.sync_file;
    if (cause && !(faults.sync_only && faults.sync_only != info.st_ino))
        return faults_refuse(cause);
    return faults.unsynced ? 0 : (int)syscall(SYS_fsync, fd);
}

int syncfs(int fd)
{
    if (faults.sync_all)
        return faults_refuse(faults.sync_all);
    return faults.unsynced ? 0 : (int)syscall(SYS_syncfs, fd);
}

void sync(void)
{
    if (!faults.unsynced)
        syscall(SYS_sync);
}

int flock(int fd, int operation)
{
    return faults.lock ? faults_refuse(faults.lock) : (int)syscall(SYS_flock, fd, operation);
}

#endif
