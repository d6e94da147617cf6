/* Paths below a root that cannot leave it, and listings of folders.
 *
 * A peer names files by virtual paths. What decides is where the path really ends once every link is followed, not how
 * it is spelled; spellings that have no business in a virtual path are refused before the file system is asked. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/fs.h"

enum {
    TREE_LEVELS = 32,
    VISITED_PER_FILE = 8, /* entries looked at for each file that may be listed: links can make a tree look endless */
    VISITED_AT_LEAST = 65536
};

const char *fs_below(const char *root, const char *path)
{
    size_t len = strcmp(root, "/") ? strlen(root) : 0;
    if (strncmp(root, path, len) || (path[len] != '/' && path[len] != '\0'))
        return NULL;
    return path + len + (path[len] == '/');
}

static bool is_virtual(const char *path)
{
    if (!*path || *path == '/')
        return false;
    for (const unsigned char *c = (const unsigned char *)path; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            return false;
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        size_t len = strcspn(part, "/");
        if (len == 2 && part[0] == '.' && part[1] == '.')
            return false;
    }
    return true;
}

char *fs_resolve(const char *root, const char *relative, struct err *err)
{
    if (!is_virtual(relative)) {
        err_set(err, "'%s' is no path that may be asked for", relative);
        return NULL;
    }
    char *result = NULL, *joined = NULL, *real = NULL;
    struct stat info;
    char *real_root = realpath(root, NULL);
    if (!real_root) {
        err_set(err, "cannot read the folder '%s': %s", root, strerror(errno));
        goto out;
    }
    joined = fs_join(real_root, relative);
    if (!joined) {
        err_set(err, "out of memory");
        goto out;
    }
    real = realpath(joined, NULL);
    if (!real) {
        err_set(err, "'%s' not found", relative);
        goto out;
    }
    if (!fs_below(real_root, real)) {
        err_set(err, "'%s' leads out of its folder", relative);
        goto out;
    }
    if (lstat(real, &info) || !(S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
        err_set(err, "'%s' is no file and no folder", relative);
        goto out;
    }
    result = real;
    real = NULL;
out:
    free(real);
    free(joined);
    free(real_root);
    return result;
}

void fs_list_release(struct fs_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->paths[i]);
    free(list->paths);
    *list = (struct fs_list){ 0 };
}

static int by_bytes(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

void fs_list_sort(struct fs_list *list)
{
    if (list->count)
        qsort(list->paths, list->count, sizeof *list->paths, by_bytes);
}

int fs_list_add(struct fs_list *list, char *path, size_t max, const char *dir, struct err *err)
{
    int status = -1;
    if (!path) {
        err_set(err, "out of memory");
    } else if (list->count >= max) {
        err_set(err, "'%s' holds more than %zu entries", dir, max);
    } else {
        /* Room doubles: it is full whenever the count is a power of two. */
        size_t count = list->count;
        char **paths = list->paths;
        if (!(count & (count - 1)))
            paths = reallocarray(list->paths, count ? 2 * count : 1, sizeof *paths);
        if (!paths) {
            err_set(err, "out of memory");
        } else {
            paths[list->count++] = path;
            list->paths = paths;
            path = NULL;
            status = 0;
        }
    }
    free(path);
    return status;
}

/* One walk over a tree. The chain of folders above is kept, so that a link back to one of them ends there. */
struct walk {
    const char *root; /* its real path */
    size_t max, visited, visited_max;
    struct fs_list *list;
    struct {
        dev_t device;
        ino_t inode;
    } above[TREE_LEVELS];
};

static int walk_folder(struct walk *walk, const char *path, const char *relative, int level, struct err *err);

/* Looks at one entry: `path` is real but for its last part, `relative` counts from the root. */
static int walk_entry(struct walk *walk, const char *path, const char *relative, int level, struct err *err)
{
    struct stat info;
    if (lstat(path, &info))
        return 0; /* gone meanwhile */
    char *real = NULL;
    if (S_ISLNK(info.st_mode)) {
        real = realpath(path, NULL);
        if (!real || !fs_below(walk->root, real) || lstat(real, &info)) {
            free(real);
            return 0;
        }
    }
    int status = 0;
    if (S_ISREG(info.st_mode))
        status = fs_list_add(walk->list, strdup(relative), walk->max, walk->root, err);
    else if (S_ISDIR(info.st_mode) && level < TREE_LEVELS)
        status = walk_folder(walk, real ? real : path, relative, level, err);
    free(real);
    return status;
}

static int walk_folder(struct walk *walk, const char *path, const char *relative, int level, struct err *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info)) {
        int cause = errno;
        if (fd >= 0)
            close(fd);
        if (level && (cause == ENOENT || cause == ENOTDIR || cause == ELOOP))
            return 0;
        return err_set(err, "cannot read the folder '%s': %s", path, strerror(cause));
    }
    for (int i = 0; i < level; i++) {
        if (walk->above[i].device == info.st_dev && walk->above[i].inode == info.st_ino) {
            close(fd);
            return 0;
        }
    }
    walk->above[level].device = info.st_dev;
    walk->above[level].inode = info.st_ino;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return err_set(err, "out of memory");
    }
    int status = 0;
    struct dirent *entry;
    while (!status && (errno = 0, entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (++walk->visited > walk->visited_max) {
            status = err_set(err, "'%s' holds more than %zu entries", walk->root, walk->visited_max);
            break;
        }
        char *below = fs_join(path, entry->d_name);
        char *shown = *relative ? fs_join(relative, entry->d_name) : strdup(entry->d_name);
        if (!below || !shown)
            status = err_set(err, "out of memory");
        else
            status = walk_entry(walk, below, shown, level + 1, err);
        free(below);
        free(shown);
        errno = 0;
    }
    if (!status && errno)
        status = err_set(err, "cannot read the folder '%s': %s", path, strerror(errno));
    closedir(dir);
    return status;
}

int fs_list_tree(const char *root, size_t max, struct fs_list *list, struct err *err)
{
    *list = (struct fs_list){ 0 };
    char *real = realpath(root, NULL);
    if (!real)
        return err_set(err, "cannot read the folder '%s': %s", root, strerror(errno));
    struct walk walk = { .root = real, .max = max, .list = list };
    walk.visited_max = max > SIZE_MAX / VISITED_PER_FILE ? SIZE_MAX : max * VISITED_PER_FILE;
    if (walk.visited_max < VISITED_AT_LEAST)
        walk.visited_max = VISITED_AT_LEAST;
    int status = walk_folder(&walk, real, "", 0, err);
    if (status)
        fs_list_release(list);
    else
        fs_list_sort(list);
    free(real);
    return status;
}

static int list_names(const char *path, bool folders, bool hidden, size_t max, struct fs_list *list, struct err *err)
{
    *list = (struct fs_list){ 0 };
    DIR *dir = opendir(path);
    if (!dir)
        return err_set(err, "cannot read the folder '%s': %s", path, strerror(errno));
    int status = 0;
    struct dirent *entry;
    while (!status && (errno = 0, entry = readdir(dir))) {
        struct stat info;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if ((entry->d_name[0] == '.') == hidden && !fstatat(dirfd(dir), entry->d_name, &info, 0) &&
            (folders ? S_ISDIR(info.st_mode) : S_ISREG(info.st_mode)))
            status = fs_list_add(list, strdup(entry->d_name), max, path, err);
    }
    if (!status && errno)
        status = err_set(err, "cannot read the folder '%s': %s", path, strerror(errno));
    closedir(dir);
    if (status)
        fs_list_release(list);
    else
        fs_list_sort(list);
    return status;
}

int fs_list_dirs(const char *dir, size_t max, struct fs_list *list, struct err *err)
{
    return list_names(dir, true, false, max, list, err);
}

int fs_list_hidden_dirs(const char *dir, size_t max, struct fs_list *list, struct err *err)
{
    return list_names(dir, true, true, max, list, err);
}

int fs_list_files(const char *dir, size_t max, struct fs_list *list, struct err *err)
{
    return list_names(dir, false, false, max, list, err);
}
