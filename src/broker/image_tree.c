/* See image_tree.h. Folders are walked and files are opened part by part, from one descriptor to the next, and no step
 * follows a link: what is swapped for one meanwhile is not found. Where a link leads is told by its real path, which is
 * then walked the same way from the root. */
#include "image_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dcls/base/dataset_name.h"
#include "dcls/base/image_formats.h"

#define LOOP "a loop of links"

enum {
    LEVELS = 32,
    VISITED_PER_FILE = 8, /* entries looked at for each file that may be listed: links can make a tree look endless */
    VISITED_AT_LEAST = 65536
};

/* Opens what lies at a path of parts that are no links, below the folder `dir`: -1 with errno. "" is that folder. */
static int open_without_links(int dir, const char *path, int flags)
{
    int at = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (at >= 0 && *path) {
        char part[NAME_MAX + 1];
        size_t size = strcspn(path, "/");
        bool last = !path[size];
        int next = -1;
        if (size > NAME_MAX) {
            errno = ENAMETOOLONG;
        } else {
            memcpy(part, path, size);
            part[size] = '\0';
            next = openat(at, part, (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
        }
        int cause = errno;
        close(at);
        errno = cause;
        at = next;
        path += size + !last;
    }
    return at;
}

/* Opens what a path with links in it leads to: -1 with errno, EXDEV where that is out of the tree. */
static int open_through_links(const struct image_tree *tree, int root, const char *relative, int flags)
{
    char *top = realpath(tree->root, NULL), *path = top ? fs_join(top, relative) : NULL;
    char *real = path ? realpath(path, NULL) : NULL;
    int fd = -1;
    if (real) {
        const char *below = fs_below(top, real);
        if (below)
            fd = open_without_links(root, below, flags);
        else if (tree->follow_links)
            fd = open(real, flags | O_CLOEXEC);
        else
            errno = EXDEV;
    }
    int cause = errno;
    free(real);
    free(path);
    free(top);
    errno = cause;
    return fd;
}

static bool counts(const char *relative)
{
    char part[NAME_MAX + 1];
    for (const char *at = relative;; at++) {
        size_t size = strcspn(at, "/");
        if (!size || size > NAME_MAX)
            return false;
        memcpy(part, at, size);
        part[size] = '\0';
        if (dataset_name_is_hidden(part) || dataset_name_fault(part))
            return false;
        at += size;
        if (!*at)
            return true;
    }
}

int image_tree_open(const struct image_tree *tree, const char *relative, struct stat *info)
{
    const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
    if (!counts(relative)) {
        errno = ENOENT;
        return -1;
    }
    int root = open(tree->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -1;
    int fd = open_without_links(root, relative, flags);
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) /* one of its parts is a link */
        fd = open_through_links(tree, root, relative, flags);
    int cause = errno;
    close(root);
    if (fd >= 0 && (fstat(fd, info) || !S_ISREG(info->st_mode))) {
        close(fd);
        fd = -1;
        cause = ENOENT;
    }
    errno = cause;
    return fd;
}

/* One walk over the tree. The chain of folders above is kept, so that a link back to one of them ends there. */
struct tree_walk {
    const struct image_tree *tree;
    int root;
    enum image_tree_files files;
    size_t max, visited, visited_max;
    struct fs_list *list;
    struct left_out *left_out;
    struct {
        dev_t device;
        ino_t inode;
    } above[LEVELS];
};

/* 0 where the walk goes on without an entry that could not be opened; -1 with err where it cannot. */
static int leave_out(struct tree_walk *walk, const char *relative, int cause, struct err *err)
{
    if (cause == EMFILE || cause == ENFILE || cause == ENOMEM)
        return err_set(err, "cannot read '%s/%s': %s", walk->tree->root, relative, strerror(cause));
    const char *reason = cause == EXDEV    ? "a link out of the folder"
                         : cause == ELOOP  ? LOOP
                         : cause == ENOENT ? "a link to nothing"
                                           : strerrordesc_np(cause);
    left_out_add(walk->left_out, relative, reason);
    walk->left_out->has_links |= cause == EXDEV;
    return 0;
}

static int walk_folder(struct tree_walk *walk, int fd, const char *relative, int level, struct err *err);

/* The folder `name` in `dir`. One that went meanwhile is none. */
static int walk_subfolder(struct tree_walk *walk, int dir, const char *name, const char *relative, int level,
                          struct err *err)
{
    if (level >= LEVELS) {
        left_out_add(walk->left_out, relative, "it is nested too deep");
        return 0;
    }
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        return walk_folder(walk, fd, relative, level, err);
    bool gone = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
    return gone ? 0 : leave_out(walk, relative, errno, err);
}

static int walk_file(struct tree_walk *walk, int dir, const char *name, const char *relative, struct err *err)
{
    if (walk->files == TREE_IMAGES && !image_ending_known(name))
        return 0;
    if (strlen(relative) > DATASET_PATH_MAX) {
        left_out_add(walk->left_out, relative, "its path is too long");
        return 0;
    }
    if (faccessat(dir, name, R_OK, AT_EACCESS))
        return errno == ENOENT ? 0 : leave_out(walk, relative, errno, err);
    return fs_list_add(walk->list, strdup(relative), walk->max, walk->tree->root, err);
}

static int walk_entry(struct tree_walk *walk, int dir, const char *name, const char *relative, int level,
                      struct err *err)
{
    struct stat info;
    int target = -1, status = 0;
    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? 0 : leave_out(walk, relative, errno, err);
    if (S_ISLNK(info.st_mode)) {
        target = open_through_links(walk->tree, walk->root, relative, O_PATH);
        if (target < 0)
            return leave_out(walk, relative, errno, err);
        if (fstat(target, &info))
            info.st_mode = 0;
    }
    if (S_ISDIR(info.st_mode))
        status = walk_subfolder(walk, target < 0 ? dir : target, target < 0 ? name : ".", relative, level, err);
    else if (S_ISREG(info.st_mode))
        status = walk_file(walk, dir, name, relative, err);
    if (target >= 0)
        close(target);
    return status;
}

/* One name of a folder, which `relative` leads to. */
static int walk_name(struct tree_walk *walk, int dir, const char *relative, const char *name, int level,
                     struct err *err)
{
    if (dataset_name_is_hidden(name))
        return 0;
    if (++walk->visited > walk->visited_max)
        return err_set(err, "'%s' holds more than %zu entries", walk->tree->root, walk->visited_max);
    char *path = *relative ? fs_join(relative, name) : strdup(name);
    if (!path)
        return err_set(err, "no memory to list '%s'", walk->tree->root);
    const char *fault = dataset_name_fault(name);
    int status = 0;
    if (fault)
        left_out_add(walk->left_out, path, fault);
    else
        status = walk_entry(walk, dir, name, path, level, err);
    free(path);
    return status;
}

/* Takes `fd` over. */
static int walk_folder(struct tree_walk *walk, int fd, const char *relative, int level, struct err *err)
{
    struct stat info;
    DIR *dir = fdopendir(fd);
    int status = 0;
    if (!dir) {
        close(fd);
        return err_set(err, "no memory to list '%s'", walk->tree->root);
    }
    if (fstat(fd, &info))
        status = leave_out(walk, relative, errno, err);
    for (int i = 0; i < level && !status; i++) {
        if (walk->above[i].device == info.st_dev && walk->above[i].inode == info.st_ino) {
            left_out_add(walk->left_out, relative, LOOP);
            goto out;
        }
    }
    walk->above[level].device = info.st_dev;
    walk->above[level].inode = info.st_ino;
    struct dirent *entry;
    while (!status && (errno = 0, entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            status = walk_name(walk, fd, relative, entry->d_name, level + 1, err);
    if (!status && errno)
        status = level ? leave_out(walk, relative, errno, err)
                       : err_set(err, "cannot read the folder '%s': %s", walk->tree->root, strerror(errno));
out:
    closedir(dir);
    return status;
}

int image_tree_list(const struct image_tree *tree, enum image_tree_files files, size_t max, struct fs_list *list,
                    struct left_out *left_out, struct err *err)
{
    *list = (struct fs_list){ 0 };
    *left_out = (struct left_out){ 0 };
    struct tree_walk walk = { .tree = tree, .files = files, .max = max, .list = list, .left_out = left_out };
    walk.visited_max = max > SIZE_MAX / VISITED_PER_FILE ? SIZE_MAX : max * VISITED_PER_FILE;
    if (walk.visited_max < VISITED_AT_LEAST)
        walk.visited_max = VISITED_AT_LEAST;
    walk.root = open(tree->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = walk.root < 0 ? -1 : openat(walk.root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd < 0 ? err_set(err, "cannot read the folder '%s': %s", tree->root, strerror(errno))
                        : walk_folder(&walk, fd, "", 0, err);
    if (walk.root >= 0)
        close(walk.root);
    if (!status) {
        fs_list_sort(list);
        return 0;
    }
    fs_list_release(list);
    err_rename(err, tree->root, "images"); /* clients are told */
    return -1;
}
