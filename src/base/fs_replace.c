/* See fs_replace.h. One step does it where two folders can be exchanged. NFS, CIFS, much of FUSE and ZFS before 2.2
 * have no RENAME_EXCHANGE (EINVAL), old kernels and filters no such call (ENOSYS, EPERM): whatever it says, three steps
 * are tried then, old aside, new in, old away.
 *
 * A folder of a lower layer of an overlayfs, as is every folder of a container's image, cannot be renamed at all
 * (EXDEV). It is copied aside, and the copy gets its name when it is whole; then the folder is removed, and from there
 * it goes on as above. To replace its files one by one would spare the copy but show new beside old files, and leave
 * them so after a crash. */
#include "dcls/base/fs_replace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "dcls/base/fs_copy.h"
#include "dcls/base/fs_lock.h"
#include "dcls/base/fs_sync.h"
#include "dcls/base/log.h"

enum {
    LOCK_TRIES = 250, /* of 20 ms each: others hold the lock for some renames, or while they copy a folder */
    NAMES_MAX = 100000
};

/* A folder and what may lie beside it. */
struct place {
    const char *parent, *name;
    char *self, *old, *copy, *remove;
};

static char *beside(const char *parent, const char *name, const char *ending)
{
    char *path = NULL;
    return asprintf(&path, "%s/.%s.%s", parent, name, ending) < 0 ? NULL : path;
}

static void place_release(struct place *place)
{
    free(place->self);
    free(place->old);
    free(place->copy);
    free(place->remove);
}

static int place_init(struct place *place, const char *parent, const char *name, struct err *err)
{
    *place = (struct place){ .parent = parent,
                             .name = name,
                             .self = fs_join(parent, name),
                             .old = beside(parent, name, "dcls-old"),
                             .copy = beside(parent, name, "dcls-copy"),
                             .remove = beside(parent, name, "dcls-remove") };
    if (place->self && place->old && place->copy && place->remove)
        return 0;
    place_release(place);
    return err_set(err, "no memory for '%s'", name);
}

static bool exists(const char *path)
{
    struct stat info;
    return !lstat(path, &info);
}

/* Makes ".NAME.dcls-tmp-XXXXXX". */
static char *make_temporary(const char *parent, const char *name, struct err *err)
{
    char *path = beside(parent, name, "dcls-tmp-XXXXXX");
    if (!path) {
        err_set(err, "no memory for '%s'", name);
    } else if (!mkdtemp(path)) {
        err_set(err, "cannot make a folder in '%s': %s", parent, strerror(errno));
        free(path);
        path = NULL;
    }
    return path;
}

/* Locks a folder: the descriptor that holds the lock, or -1 where there are no locks of folders; *taken where somebody
 * else has it for long. */
static int lock_parent(const char *parent, bool *taken)
{
    enum fs_lock lock = FS_LOCK_MISSING;
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && i < LOCK_TRIES && (lock = fs_lock(fd)) == FS_LOCK_TAKEN; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000 * 1000 }, NULL);
    *taken = lock == FS_LOCK_TAKEN;
    return fd;
}

static void unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* Makes a folder rubbish: its name is then ".NAME.dcls-tmp-XXXXXX", which the caller frees. NULL with errno. */
static char *take_away(const struct place *place, const char *path)
{
    struct err err = ERR_INIT;
    char *away = make_temporary(place->parent, place->name, &err);
    if (away && !rmdir(away) && !rename(path, away))
        return away;
    int cause = errno;
    free(away);
    errno = cause;
    return NULL;
}

/* Removes .NAME.dcls-old, now that NAME is there. What cannot be removed is in nobody's way, and is tried again by
 * fs_replace_recover. */
static void discard_old(const struct place *place)
{
    if (fs_sync_dir(place->parent, NULL))
        return;
    char *away = take_away(place, place->old);
    fs_remove_tree(away ? away : place->old, NULL);
    free(away);
}

/* Recovery: each line of it may be cut off too, and is met again by the next. */
static int recover(const struct place *place, struct err *err)
{
    if (exists(place->remove) && (fs_remove_tree(place->self, err) || fs_remove_tree(place->remove, err)))
        return -1;
    if (exists(place->copy)) {
        if (fs_remove_tree(place->self, err))
            return -1;
        if (rename(place->copy, place->self))
            return err_set(err, "cannot put '%s' back: %s", place->self, strerror(errno));
        log_warn("'%s' was being replaced when a process died: it is put back", place->self);
    }
    if (exists(place->old) && exists(place->self)) {
        discard_old(place);
    } else if (exists(place->old)) {
        if (rename(place->old, place->self))
            return err_set(err, "cannot put '%s' back: %s", place->self, strerror(errno));
        log_warn("'%s' was being replaced when a process died: it is put back", place->self);
    }
    return 0;
}

/* Copies NAME to .NAME.dcls-copy, which is there when it is whole. */
static int copy_aside(const struct place *place, struct err *err)
{
    char *copy = make_temporary(place->parent, place->name, err);
    int result = -1;
    if (!copy || fs_copy_tree(place->self, copy, err))
        goto out;
    if (rename(copy, place->copy)) {
        err_set(err, "cannot put '%s' aside: %s", place->self, strerror(errno));
        goto out;
    }
    result = fs_sync_dir(place->parent, err);
    if (result)
        fs_remove_tree(place->copy, NULL);
out:
    if (copy)
        fs_remove_tree(copy, NULL);
    free(copy);
    return result;
}

/* Makes NAME to .NAME.dcls-old. */
static int set_aside(const struct place *place, struct err *err)
{
    if (!rename(place->self, place->old))
        return 0;
    if (errno != EXDEV)
        return err_set(err, "cannot put '%s' aside: %s", place->self, strerror(errno));
    if (copy_aside(place, err) || fs_remove_tree(place->self, err))
        return -1;
    if (rename(place->copy, place->old))
        return err_set(err, "cannot put '%s' aside: %s", place->self, strerror(errno));
    return 0;
}

/* Without an exchange. */
static int put_in(const struct place *place, const char *dir, struct err *err)
{
    if (exists(place->self) && set_aside(place, err)) {
        recover(place, NULL);
        return -1;
    }
    if (!rename(dir, place->self))
        return 0;
    err_set(err, "cannot put '%s' in place: %s", place->self, strerror(errno));
    recover(place, NULL);
    return -1;
}

int fs_replace_init(struct fs_replacement *replacement, const char *parent, const char *name, struct err *err)
{
    bool taken;
    *replacement = (struct fs_replacement){ .lock = -1 };
    if (fs_make_dirs(parent, err))
        return -1;
    replacement->parent = strdup(parent);
    replacement->name = strdup(name);
    if (!replacement->parent || !replacement->name)
        return err_set(err, "no memory for '%s'", name);
    int lock = lock_parent(parent, &taken); /* nobody may take what is not locked yet for rubbish */
    replacement->dir = make_temporary(parent, name, err);
    if (replacement->dir)
        replacement->lock = open(replacement->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (replacement->lock >= 0)
        fs_lock(replacement->lock);
    unlock(lock);
    return replacement->dir ? 0 : -1;
}

int fs_replace_commit(struct fs_replacement *replacement, struct err *doubt, struct err *err)
{
    struct place place;
    bool taken;
    int result = -1;
    if (place_init(&place, replacement->parent, replacement->name, err))
        return -1;
    /* Where another is at it for seconds, this is not given up for that: it is put right where the two meet. */
    int lock = lock_parent(replacement->parent, &taken);
    if (fs_sync_dir(replacement->dir, err) || recover(&place, err))
        goto out;
    bool exchanged = !renameat2(AT_FDCWD, replacement->dir, AT_FDCWD, place.self, RENAME_EXCHANGE);
    if (!exchanged && put_in(&place, replacement->dir, err))
        goto out;
    result = 0;
    bool lasts = !fs_sync_dir(replacement->parent, doubt);
    if (!lasts)
        err_prefix(doubt, "'%s' is in place, but a power cut may undo that", place.self);
    if (lasts && exists(place.old))
        discard_old(&place);
    if (!exchanged || !lasts) {
        free(replacement->dir); /* no more, or the old one, kept until the next recovery */
        replacement->dir = NULL;
    }
out:
    unlock(lock);
    place_release(&place);
    return result;
}

void fs_replace_release(struct fs_replacement *replacement)
{
    if (replacement->dir)
        fs_remove_tree(replacement->dir, NULL);
    unlock(replacement->lock);
    free(replacement->dir);
    free(replacement->parent);
    free(replacement->name);
    *replacement = (struct fs_replacement){ .lock = -1 };
}

/* In one step, or where the folder cannot be renamed behind a word that says what is going on. */
static int remove_self(const struct place *place, struct err *err)
{
    char *away = take_away(place, place->self);
    int result = -1;
    if (!away && errno != EXDEV) {
        err_set(err, "cannot remove '%s': %s", place->self, strerror(errno));
    } else if (away) {
        struct err left = ERR_INIT;
        result = fs_sync_dir(place->parent, err);
        if (!result && fs_remove_tree(away, &left)) /* which may be half of it: nothing to put back */
            log_warn("'%s' is removed, but what was in it is not all deleted: %s", place->self, left.text);
        else if (result && !rename(away, place->self)) /* a power cut may bring it back: it is not to be missed now */
            fs_sync_dir(place->parent, NULL);
    } else if (mkdir(place->remove, 0700)) {
        err_set(err, "cannot make '%s': %s", place->remove, strerror(errno));
    } else if (!fs_sync_dir(place->parent, err) && !recover(place, err)) {
        result = fs_sync_dir(place->parent, err);
    }
    free(away);
    return result;
}

int fs_replace_remove(const char *parent, const char *name, struct err *err)
{
    struct place place;
    bool taken;
    int result = -1;
    if (place_init(&place, parent, name, err))
        return -1;
    int lock = lock_parent(parent, &taken);
    if (taken)
        err_set(err, "cannot remove '%s': another process is changing '%s'", place.self, parent);
    else if (!recover(&place, err))
        result = exists(place.self) ? remove_self(&place, err) : 0;
    unlock(lock);
    place_release(&place);
    return result;
}

bool fs_replace_is_on(const char *parent, const char *name)
{
    struct place place;
    if (place_init(&place, parent, name, NULL))
        return false;
    bool is_on = exists(place.copy) || exists(place.remove) || (exists(place.old) && !exists(place.self));
    place_release(&place);
    return is_on;
}

static bool is_temporary(const char *entry)
{
    static const char ending[] = ".dcls-tmp-";
    const char *dot = strrchr(entry, '.');
    return dot && !strncmp(dot, ending, strlen(ending)) && strlen(dot) == strlen(".dcls-tmp-XXXXXX");
}

/* Whether `entry` is .NAME.ENDING, with an ending of ours; *name is then the caller's to free. */
static bool is_beside(const char *entry, char **name)
{
    static const char *const endings[] = { "dcls-old", "dcls-copy", "dcls-remove" };
    const char *dot = strrchr(entry, '.');
    if (entry[0] != '.' || dot - entry < 2)
        return false;
    bool known = is_temporary(entry);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        known |= !strcmp(dot + 1, endings[i]);
    *name = known ? strndup(entry + 1, (size_t)(dot - entry - 1)) : NULL;
    return *name;
}

/* Not before it is sure what stands in place of it: it may be the old one, of which only the last flush is missing. */
static void remove_rubbish(const char *parent, const char *entry)
{
    if (fs_sync_dir(parent, NULL))
        return;
    char *path = fs_join(parent, entry);
    int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd >= 0 && fs_lock(fd) != FS_LOCK_TAKEN)
        fs_remove_tree(path, NULL);
    if (fd >= 0)
        close(fd);
    free(path);
}

/* Of `only`, or of every name. */
static int recover_all(const char *parent, const char *only, struct err *err)
{
    struct fs_list entries = { 0 };
    struct place place;
    int result = 0;
    if (fs_list_hidden_dirs(parent, NAMES_MAX, &entries, err))
        return -1;
    for (size_t i = 0; i < entries.count; i++) {
        char *name = NULL;
        if (is_beside(entries.paths[i], &name) && (!only || !strcmp(name, only))) {
            if (is_temporary(entries.paths[i])) {
                remove_rubbish(parent, entries.paths[i]);
            } else if (place_init(&place, parent, name, err)) {
                result = -1;
            } else {
                if (recover(&place, err))
                    result = -1;
                place_release(&place);
            }
        }
        free(name);
    }
    fs_list_release(&entries);
    return result;
}

int fs_replace_recover(const char *parent, const char *name, struct err *err)
{
    bool taken;
    int lock = lock_parent(parent, &taken), result = 0;
    if (!taken)
        result = recover_all(parent, name, err);
    unlock(lock);
    return result;
}
