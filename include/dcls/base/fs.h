/* Files and folders: whole reads with a limit, atomic durable writes, paths that cannot leave their folder. */
#ifndef DCLS_BASE_FS_H
#define DCLS_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include "dcls/base/err.h"

struct stat;

/* Reads a whole regular file of at most `max` bytes; *bytes is NUL-terminated and the caller's to free.
 * A FIFO, device or folder is refused without blocking. */
int fs_read(const char *path, size_t max, char **bytes, size_t *count, struct err *err);

/* The same of an open file, from its beginning on, whose position stays; `what` names it in err: "the image". */
int fs_read_open(int fd, const char *what, size_t max, char **bytes, size_t *count, struct err *err);

/* Replaces `path` atomically: temporary beside it, fsync, rename, fsync of the folder. Where it fails no temporary is
 * left; where the folder's fsync alone does, `path` is the new file, which a power cut may undo. */
int fs_write(const char *path, const void *bytes, size_t count, struct err *err);

/* The same of parts, one after another. */
int fs_write_parts(const char *path, const struct iovec *parts, int count, struct err *err);

/* Removes the temporaries of fs_write that processes which died left in a folder, where nobody writes now. */
void fs_remove_temporaries(const char *dir);

/* For a writer of its own (a zip library, a download): the last steps of fs_write. `temporary` is a finished file in
 * the same folder as `path`; it is fsynced, renamed, its folder fsynced. On failure it is removed. */
int fs_commit(const char *temporary, const char *path, struct err *err);

/* Writes all of it to a descriptor that blocks: 0, or the errno. */
int fs_put(int fd, const void *bytes, size_t count);

/* mkdir -p; an existing folder is fine. */
int fs_make_dirs(const char *path, struct err *err);
/* Removes a file or a whole folder below; does not follow links; a missing one is fine. */
int fs_remove_tree(const char *path, struct err *err);
bool fs_is_dir(const char *path);
bool fs_is_file(const char *path);
/* -1 where it is no regular file. */
int64_t fs_size(const char *path);
/* Opens a regular file for reading, without blocking: the descriptor, the caller's to close, and what fstat says; -1
 * with err otherwise. */
int fs_open(const char *path, struct stat *info, struct err *err);
/* The same without following a link, and without a word of why not. */
int fs_open_file(const char *path, struct stat *info);

/* Which file a path leads to, and in what state: a file that was replaced or changed has another stamp. */
struct fs_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};
/* 0 with the stamp of a regular file; -1 with errno. */
int fs_stamp(const char *path, struct fs_stamp *stamp);
bool fs_stamp_same(const struct fs_stamp *a, const struct fs_stamp *b);

/* "DIR/NAME" into heap memory, the caller's to free; NULL where memory lacks. */
char *fs_join(const char *dir, const char *name);

/* Resolves a virtual path below a root. `relative` may start with "./"; it is refused where it is absolute, empty,
 * has a ".." part or a control character, or where a link leads it out of `root` (realpath of both is compared).
 * Returns the real path of an existing regular file or folder, the caller's to free; NULL with err otherwise. */
char *fs_resolve(const char *root, const char *relative, struct err *err);

/* The rest of the real path `path` where it is the real folder `root` ("") or lies below it; NULL otherwise. */
const char *fs_below(const char *root, const char *path);

/* Every regular file below `root`, sorted by bytes, as paths relative to root with '/' between. Links that leave root
 * are passed over; at most `max` files and 32 levels. */
struct fs_list {
    char **paths;
    size_t count;
};
int fs_list_tree(const char *root, size_t max, struct fs_list *list, struct err *err);
/* The names of the folders (or files) right below `dir`, without dot names, sorted by bytes. */
int fs_list_dirs(const char *dir, size_t max, struct fs_list *list, struct err *err);
int fs_list_files(const char *dir, size_t max, struct fs_list *list, struct err *err);
/* The folders whose names begin with a dot. */
int fs_list_hidden_dirs(const char *dir, size_t max, struct fs_list *list, struct err *err);
/* For a walk of its own: adds a path, which is taken over also where this fails, in `dir` of at most `max` entries; and
 * sorts by bytes. */
int fs_list_add(struct fs_list *list, char *path, size_t max, const char *dir, struct err *err);
void fs_list_sort(struct fs_list *list);
void fs_list_release(struct fs_list *list);

#endif
