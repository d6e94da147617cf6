/* See local_dataset.h. */
#include "local_dataset.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "dcls/base/dataset_tree.h"
#include "dcls/base/fs.h"

#define DEFAULT_ROOT "images"
#define CLASSES_FILE_MAX (1024 * 1024)

const char *local_dataset_root(const struct daemon *daemon)
{
    if (daemon->config.data_dir)
        return daemon->config.data_dir;
    if (fs_is_dir(daemon->images_dir))
        return daemon->images_dir;
    return fs_is_dir(DEFAULT_ROOT) ? DEFAULT_ROOT : NULL;
}

cJSON *local_dataset_look(const struct daemon *daemon)
{
    const char *root = local_dataset_root(daemon);
    return root ? local_dataset_summary(root) : NULL;
}

/* Labels in an IDX file: its size less a header of 8 bytes; a gzip file ends with its uncompressed size. */
static int64_t count_labels(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (fs_is_file(path))
        return fs_size(path) - 8;
    snprintf(path, sizeof path, "%s/%s.gz", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    unsigned char end[4];
    off_t at = lseek(fd, -4, SEEK_END);
    ssize_t got = at < 0 ? -1 : read(fd, end, sizeof end);
    close(fd);
    if (got != (ssize_t)sizeof end)
        return -1;
    return ((int64_t)end[0] | (int64_t)end[1] << 8 | (int64_t)end[2] << 16 | (int64_t)end[3] << 24) - 8;
}

static int count_lines(const char *dir, const char *name)
{
    char *path = fs_join(dir, name), *text = NULL;
    size_t count;
    int lines = -1;
    if (path && !fs_read(path, CLASSES_FILE_MAX, &text, &count, NULL)) {
        lines = 0;
        char *rest = text, *line;
        while ((line = strsep(&rest, "\n")))
            lines += *line != 0;
    }
    free(text);
    free(path);
    return lines;
}

static cJSON *summary(int64_t images, int64_t classes)
{
    cJSON *object = cJSON_CreateObject();
    if (object && images >= 0)
        cJSON_AddNumberToObject(object, "images", (double)images);
    if (object && classes >= 0)
        cJSON_AddNumberToObject(object, "classes", (double)classes);
    return object;
}

/* Images of one split by their endings; `classes` that have some are counted where it is not NULL. -1 where they cannot
 * be listed. */
static int64_t count_images(const char *dir, const char *split, int64_t *classes)
{
    struct dataset_tree tree = { .dir = dir };
    struct left_out left_out = { 0 };
    struct fs_list names, images;
    int64_t count = dataset_tree_classes(&tree, split, &names, &left_out, NULL) ? -1 : 0;
    for (size_t i = 0; i < names.count && count >= 0; i++) {
        if (dataset_tree_images(&tree, split, names.paths[i], &images, &left_out, NULL))
            count = -1;
        else
            count += (int64_t)images.count;
        if (classes)
            *classes += images.count > 0;
        fs_list_release(&images);
    }
    fs_list_release(&names);
    left_out_release(&left_out);
    return count;
}

static cJSON *folder_summary(const char *dir, const struct dataset_layout *layout)
{
    int64_t classes = 0, images = count_images(dir, layout->train, &classes);
    int64_t tests = layout->test ? count_images(dir, layout->test, NULL) : 0;
    return images < 0 || tests < 0 ? summary(-1, -1) : summary(images + tests, classes);
}

cJSON *local_dataset_summary(const char *dir)
{
    struct dataset_layout layout;
    bool is_folder = dataset_layout_find(dir, &layout);
    if (is_folder && *layout.train)
        return folder_summary(dir, &layout);
    int64_t labels = count_labels(dir, "train-labels-idx1-ubyte");
    int64_t tests = count_labels(dir, "t10k-labels-idx1-ubyte");
    if (labels >= 0)
        return summary(labels + (tests > 0 ? tests : 0), count_lines(dir, "classes.txt"));
    return is_folder ? folder_summary(dir, &layout) : NULL;
}
