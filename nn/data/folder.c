/* ImageFolder: train/CLASS/files and test/, val/ or validation/. Files are told by their ending, at any depth below
 * their class; an image format that the decoder lacks is refused when the dataset is opened, not in the middle of an
 * epoch. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataset_kind.h"
#include "dcls/base/fs.h"
#include "dcls/base/image_formats.h"
#include "decode.h"

#define IMAGE_FILE_MAX (64 * 1024 * 1024)

static int class_index(const struct dataset *dataset, const char *name)
{
    int low = 0, high = dataset->class_count - 1;
    while (low <= high) {
        int middle = low + (high - low) / 2, order = strcmp(name, dataset->classes[middle]);
        if (order == 0)
            return middle;
        if (order < 0)
            high = middle - 1;
        else
            low = middle + 1;
    }
    return -1;
}

/* Makes room for `more` further samples. */
static int samples_grow(struct samples *samples, size_t more, struct err *err)
{
    size_t count = samples->count + more;
    if (count > DATASET_SAMPLES_MAX)
        return err_set(err, "'%s' holds more than %d images", samples->dir, DATASET_SAMPLES_MAX);
    char **files = realloc(samples->files, count * sizeof(*files));
    if (files)
        samples->files = files;
    int *labels = realloc(samples->labels, count * sizeof(*labels));
    if (labels)
        samples->labels = labels;
    return files && labels ? 0 : err_set(err, "no memory for a dataset of %zu images", count);
}

/* Takes the images below samples->dir/NAME, which have this label. */
static int add_images(struct samples *samples, const char *name, int label, struct err *err)
{
    struct fs_list list = { 0 };
    int status = -1;
    char *dir = fs_join(samples->dir, name);
    if (!dir) {
        err_set(err, "no memory for a dataset");
        goto out;
    }
    if (fs_list_tree(dir, NULL, DATASET_SAMPLES_MAX, &list, err))
        goto out;
    size_t before = samples->count;
    if (list.count && samples_grow(samples, list.count, err))
        goto out;
    for (size_t i = 0; i < list.count; i++) {
        const char *unread = image_ending_unread(list.paths[i]);
        if (unread) {
            char formats[IMAGE_FORMATS_SIZE];
            err_set(err, "'%s/%s': images of this format (%s) are not supported (%s are)", dir, list.paths[i], unread,
                    image_formats(formats, " and "));
            goto out;
        }
        if (!image_ending_known(list.paths[i]))
            continue;
        samples->labels[samples->count] = label;
        samples->files[samples->count++] = list.paths[i];
        list.paths[i] = NULL; /* ours now */
    }
    if (samples->count == before) {
        err_set(err, "the class folder '%s' holds no images", dir);
        goto out;
    }
    status = 0;
out:
    fs_list_release(&list);
    free(dir);
    return status;
}

/* The training split's folders are the classes. */
static int open_split(struct dataset *dataset, enum split split, struct err *err)
{
    struct samples *samples = &dataset->splits[split];
    struct fs_list list = { 0 }; /* sorted by bytes, as Python sorts them */
    int status = -1;
    if (fs_list_dirs(samples->dir, DATASET_CLASSES_MAX, &list, err))
        goto out;
    if (!list.count) {
        err_set(err, "'%s' holds no class folders", samples->dir);
        goto out;
    }
    for (size_t i = 0; i < list.count; i++) {
        const char *name = list.paths[i];
        if (split == SPLIT_TRAIN && dataset_add_class(dataset, name, strlen(name), err))
            goto out;
        int label = class_index(dataset, name);
        if (label < 0) {
            err_set(err, "'%s' has a class '%s' that 'train' lacks", samples->dir, name);
            goto out;
        }
        if (add_images(samples, name, label, err))
            goto out;
    }
    status = 0;
out:
    fs_list_release(&list);
    return status;
}

static bool found(const char *dir)
{
    char *train = fs_join(dir, "train");
    bool is = train && fs_is_dir(train);
    free(train);
    return is;
}

/* The first of the test folder's names that is there; NULL with err. */
static char *test_dir(const char *dir, struct err *err)
{
    static const char *const names[] = { "test", "val", "validation", NULL };
    for (const char *const *name = names; *name; name++) {
        char *path = fs_join(dir, *name);
        if (!path || fs_is_dir(path)) {
            if (!path)
                err_set(err, "no memory for a dataset");
            return path;
        }
        free(path);
    }
    err_set(err, "'%s' has a folder 'train', but none of 'test', 'val' and 'validation'", dir);
    return NULL;
}

static int open_folder(struct dataset *dataset, const char *dir, struct err *err)
{
    struct samples *train = &dataset->splits[SPLIT_TRAIN], *test = &dataset->splits[SPLIT_TEST];
    if (!(test->dir = test_dir(dir, err)))
        return -1;
    if (!(train->dir = fs_join(dir, "train")))
        return err_set(err, "no memory for a dataset");
    if (open_split(dataset, SPLIT_TRAIN, err))
        return -1;
    return open_split(dataset, SPLIT_TEST, err);
}

static int read_fd(int fd, const char *path, struct sample_reader *reader, size_t *count, struct err *err)
{
    struct stat info;
    if (fstat(fd, &info))
        return err_set(err, "cannot read '%s': %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return err_set(err, "'%s' is no regular file", path);
    if (info.st_size > IMAGE_FILE_MAX)
        return err_set(err, "'%s' is larger than %d bytes", path, IMAGE_FILE_MAX);
    size_t size = (size_t)info.st_size;
    if (size > reader->capacity) {
        char *bytes = malloc(size);
        if (!bytes)
            return err_set(err, "no memory for '%s'", path);
        free(reader->bytes);
        reader->bytes = bytes;
        reader->capacity = size;
    }
    for (*count = 0; *count < size;) {
        ssize_t got = read(fd, reader->bytes + *count, size - *count);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(err, "cannot read '%s': %s", path, strerror(errno));
        if (got == 0)
            break; /* it shrank: the decoder tells what is amiss */
        *count += (size_t)got;
    }
    return 0;
}

static int read_sample(const struct dataset *dataset, const struct samples *samples, size_t index,
                       struct sample_reader *reader, uint8_t *out, struct err *err)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s/%s/%s", samples->dir, dataset->classes[samples->labels[index]],
                          samples->files[index]);
    if (length < 0 || (size_t)length >= sizeof(path))
        return err_set(err, "the path of '%s' is too long", samples->files[index]);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    if (fd < 0)
        return err_set(err, "cannot open '%s': %s", path, strerror(errno));
    size_t count = 0;
    int status = read_fd(fd, path, reader, &count, err);
    close(fd);
    if (!status && image_decode_resized(reader->bytes, count, reader->decoding, reader->size, out, &reader->image,
                                        reader->scratch, err))
        status = err_prefix(err, "'%s'", path);
    return status;
}

const struct dataset_kind dataset_folder = {
    .found = found, .open = open_folder, .read = read_sample, .decodes = true
};
