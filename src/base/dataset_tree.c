/* See dataset_tree.h. Folders are read from descriptor to descriptor. The chain of those above is kept, by device and
 * inode, so that a link back to one of them is seen. */
#include "dcls/base/dataset_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/dataset_name.h"
#include "dcls/base/image_formats.h"

#define LEVELS 32
#define LOOP "a loop of links"
#define PATH_LENGTH_MAX 16384                       /* LEVELS names fit */
#define VISITED_MAX (8 * (size_t)DATASET_FILES_MAX) /* links can make a tree look endless */
#define VISITED_BETWEEN 256                         /* times that one is asked whether to stop */

/* One walk, below the dataset's folder. */
struct dataset_walk {
    const struct dataset_tree *tree;
    struct fs_list *list;
    struct left_out *left_out;
    struct buf path;    /* of what is looked at, from the dataset's folder on */
    size_t listed_at;   /* where in it that begins which is listed */
    bool lists_classes; /* folders, and none below them */
    bool looks_for_one; /* ends with the first that is listed */
    size_t visited;
    int level;
    struct {
        dev_t device;
        ino_t inode;
    } above[LEVELS];
};

/* 0 where the walk goes on without it; -1 with err where it cannot. */
static int leave_out(struct dataset_walk *walk, int cause, struct err *err)
{
    const char *path = buf_text(&walk->path);
    if (cause == EMFILE || cause == ENFILE || cause == ENOMEM)
        return err_set(err, "cannot read '%s/%s': %s", walk->tree->dir, path, strerror(cause));
    const char *reason = cause == ELOOP ? LOOP : cause == ENOENT ? "a link to nothing" : strerror(cause);
    left_out_add(walk->left_out, path, reason);
    return 0;
}

static bool is_above(const struct dataset_walk *walk, const struct stat *info)
{
    for (int i = 0; i < walk->level; i++)
        if (walk->above[i].device == info->st_dev && walk->above[i].inode == info->st_ino)
            return true;
    return false;
}

static void enter(struct dataset_walk *walk, const struct stat *info)
{
    walk->above[walk->level].device = info->st_dev;
    walk->above[walk->level++].inode = info->st_ino;
}

/* What an entry is, where a link leads: one of DT_…; -1 with errno where it leads nowhere. */
static int type_of(int dir, const struct dirent *entry)
{
    struct stat info;
    if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
        return entry->d_type;
    return fstatat(dir, entry->d_name, &info, 0) ? -1 : (int)IFTODT(info.st_mode);
}

static int walk_folder(struct dataset_walk *walk, int dir, const char *name, struct err *err);

/* An entry of the folder `dir`, which is on the path already. */
static int walk_entry(struct dataset_walk *walk, int dir, const struct dirent *entry, struct err *err)
{
    const char *path = buf_text(&walk->path), *name = entry->d_name, *fault = dataset_name_fault(name);
    bool is_image = !walk->lists_classes && (image_ending_known(name) || image_ending_unread(name));
    int type = type_of(dir, entry);
    if (type < 0 && !is_image)
        return leave_out(walk, errno, err);
    if (type != DT_DIR && !walk->lists_classes && image_ending_video(name)) {
        left_out_add(walk->left_out, path, "a video");
        return 0;
    }
    if (type != DT_DIR && !is_image)
        return 0;
    if (fault) {
        left_out_add(walk->left_out, path, fault);
        return 0;
    }
    if (type == DT_DIR && !walk->lists_classes)
        return walk_folder(walk, dir, name, err);
    size_t max = walk->lists_classes ? DATASET_CLASSES_MAX : DATASET_FILES_MAX;
    return fs_list_add(walk->list, strdup(path + walk->listed_at), max, walk->tree->dir, err);
}

static int walk_name(struct dataset_walk *walk, int dir, const struct dirent *entry, struct err *err)
{
    const struct dataset_tree *tree = walk->tree;
    size_t length = walk->path.len;
    if (dataset_name_is_hidden(entry->d_name))
        return 0;
    if (++walk->visited > VISITED_MAX)
        return err_set(err, "'%s' holds more than %zu entries", tree->dir, VISITED_MAX);
    if (tree->stop && walk->visited % VISITED_BETWEEN == 0 && tree->stop(tree->arg))
        return err_set(err, "cancelled");
    if (buf_printf(&walk->path, "%s%s", length ? "/" : "", entry->d_name))
        return err_set(err, "no memory to list '%s'", tree->dir);
    int status = walk_entry(walk, dir, entry, err);
    buf_cut(&walk->path, length);
    return status;
}

/* Takes `fd` over. */
static int walk_entries(struct dataset_walk *walk, int fd, struct err *err)
{
    DIR *dir = fdopendir(fd);
    const struct dirent *entry;
    int status = 0;
    if (!dir) {
        close(fd);
        return err_set(err, "no memory to list '%s'", walk->tree->dir);
    }
    while (!status && (errno = 0, entry = readdir(dir))) {
        status = walk_name(walk, fd, entry, err);
        if (walk->looks_for_one && walk->list->count)
            break;
    }
    if (!status && !entry && errno)
        status = leave_out(walk, errno, err);
    closedir(dir);
    return status;
}

static int walk_folder(struct dataset_walk *walk, int dir, const char *name, struct err *err)
{
    struct stat info;
    if (walk->level == LEVELS) {
        left_out_add(walk->left_out, buf_text(&walk->path), "it is nested too deep");
        return 0;
    }
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return leave_out(walk, errno, err);
    if (fstat(fd, &info) || is_above(walk, &info)) {
        close(fd);
        left_out_add(walk->left_out, buf_text(&walk->path), LOOP);
        return 0;
    }
    enter(walk, &info);
    int status = walk_entries(walk, fd, err);
    walk->level--;
    return status;
}

/* Opens the split's folder, from which a walk begins: -1 with err. */
static int open_split(struct dataset_walk *walk, const char *split, struct err *err)
{
    const char *dir = walk->tree->dir;
    struct stat info;
    int top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
    if (top >= 0 && !fstat(top, &info)) {
        enter(walk, &info);
        fd = openat(top, *split ? split : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0)
        err_set(err, "cannot read the folder '%s%s%s': %s", dir, *split ? "/" : "", split, strerror(errno));
    else if (*split && !fstat(fd, &info))
        enter(walk, &info);
    if (top >= 0)
        close(top);
    return fd;
}

/* Lists what lies in the split's folder, or in that of one of its classes. */
static int list(struct dataset_walk *walk, const char *split, const char *class, struct err *err)
{
    const char *slash = *split && class ? "/" : "";
    int status = -1, fd = open_split(walk, split, err);
    *walk->list = (struct fs_list){ 0 };
    if (fd < 0)
        return -1;
    buf_init(&walk->path, PATH_LENGTH_MAX);
    if (buf_printf(&walk->path, "%s%s%s", split, slash, class ? class : "")) {
        err_set(err, "no memory to list '%s'", walk->tree->dir);
        goto out;
    }
    walk->listed_at = walk->path.len + (walk->path.len > 0);
    if (class) {
        status = walk_folder(walk, fd, class, err);
    } else {
        status = walk_entries(walk, fd, err);
        fd = -1;
    }
out:
    if (fd >= 0)
        close(fd);
    buf_release(&walk->path);
    if (status)
        fs_list_release(walk->list);
    else
        fs_list_sort(walk->list);
    return status;
}

int dataset_tree_classes(const struct dataset_tree *tree, const char *split, struct fs_list *classes,
                         struct left_out *left_out, struct err *err)
{
    struct dataset_walk walk = { .tree = tree, .list = classes, .left_out = left_out, .lists_classes = true };
    return list(&walk, split, NULL, err);
}

int dataset_tree_images(const struct dataset_tree *tree, const char *split, const char *class, struct fs_list *images,
                        struct left_out *left_out, struct err *err)
{
    struct dataset_walk walk = { .tree = tree, .list = images, .left_out = left_out };
    return list(&walk, split, class, err);
}

static bool has_folder(const char *dir, const char *name)
{
    char *path = fs_join(dir, name);
    bool has = path && fs_is_dir(path);
    free(path);
    return has;
}

/* Whether there are folders and none of them is a split's by its name, however that is spelled. */
static bool has_classes_alone(const char *dir)
{
    static const char *const splits[] = { "train", "training", "val", "valid", "validation", "test", "testing" };
    struct dataset_tree tree = { .dir = dir };
    struct left_out left_out = { 0 };
    struct fs_list classes;
    bool alone = !dataset_tree_classes(&tree, "", &classes, &left_out, NULL) && classes.count;
    for (size_t c = 0; c < classes.count && alone; c++)
        for (size_t i = 0; i < sizeof splits / sizeof *splits && alone; i++)
            alone = strcasecmp(classes.paths[c], splits[i]);
    fs_list_release(&classes);
    left_out_release(&left_out);
    return alone;
}

/* Whether a class folder of the split has an image, by their names. */
static bool holds_images(const char *dir, const char *split)
{
    struct dataset_tree tree = { .dir = dir };
    struct left_out left_out = { 0 };
    struct fs_list classes, found;
    struct dataset_walk walk = { .tree = &tree, .list = &found, .left_out = &left_out, .looks_for_one = true };
    bool holds = false;
    dataset_tree_classes(&tree, split, &classes, &left_out, NULL);
    for (size_t i = 0; i < classes.count && !holds; i++) {
        holds = !list(&walk, split, classes.paths[i], NULL) && found.count;
        fs_list_release(&found);
    }
    fs_list_release(&classes);
    left_out_release(&left_out);
    return holds;
}

bool dataset_layout_find(const char *dir, struct dataset_layout *layout)
{
    static const char *const tests[] = { "val", "valid", "validation", "test" };
    *layout = (struct dataset_layout){ 0 };
    if (has_folder(dir, "train"))
        layout->train = "train";
    else if (has_classes_alone(dir))
        layout->train = "";
    else
        return false;
    for (size_t i = 0; i < sizeof tests / sizeof *tests && !layout->test; i++) {
        if (holds_images(dir, tests[i]))
            layout->test = tests[i];
        else if (has_folder(dir, tests[i]))
            layout->passed_over = tests[i];
    }
    return true;
}
