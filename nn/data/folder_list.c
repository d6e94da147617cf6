/* See folder_list.h. Steps: the class folders of `train` are the classes; both splits' files are listed; each file is
 * looked into, and what is none goes; then the classes that nothing is left of. */
#include "folder_list.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decode.h"

#define UNREADABLE_PART 10 /* more than one of so many unreadable images is an error */
#define NOT_TRAINED "no class that is trained on"

struct folder_listing {
    struct dataset *dataset;
    struct dataset_tree tree;
    const char *splits[2]; /* the folders of both below the dataset's; NULL: none */
    size_t listed, checked;
    struct left_out *unreadable; /* images */
    struct left_out *left_out;   /* everything else */
};

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

/* "train/cow/1.jpg", by what it is in the dataset's folder. */
static void leave_out(struct left_out *left_out, const char *split, const char *class, const char *file,
                      const char *reason)
{
    char *path;
    if (asprintf(&path, "%s%s%s%s%s", split, *split ? "/" : "", class, file ? "/" : "", file ? file : "") < 0)
        path = NULL;
    left_out_add(left_out, path ? path : class, reason);
    free(path);
}

/* Takes the listed files over. */
static int add_files(struct samples *samples, struct fs_list *files, int label, struct err *err)
{
    size_t count = samples->count + files->count;
    if (count > DATASET_SAMPLES_MAX)
        return err_set(err, "'%s' holds more than %d images", samples->dir, DATASET_SAMPLES_MAX);
    char **paths = realloc(samples->files, count * sizeof *paths);
    if (paths)
        samples->files = paths;
    int *labels = realloc(samples->labels, count * sizeof *labels);
    if (labels)
        samples->labels = labels;
    if (!paths || !labels)
        return err_set(err, "no memory for a dataset of %zu images", count);
    for (size_t i = 0; i < files->count; i++) {
        samples->labels[samples->count] = label;
        samples->files[samples->count++] = files->paths[i];
    }
    files->count = 0;
    return 0;
}

/* The candidates in one class's folder. In the training split that makes the class. */
static int list_class(struct folder_listing *listing, enum split split, const char *name, struct err *err)
{
    struct dataset *dataset = listing->dataset;
    const char *folder = listing->splits[split];
    struct fs_list files;
    size_t left_out = listing->left_out->count;
    int status = dataset_tree_images(&listing->tree, folder, name, &files, listing->left_out, err);
    if (!status && files.count && split == SPLIT_TRAIN)
        status = dataset_add_class(dataset, name, strlen(name), err);
    int label = class_index(dataset, name);
    if (!status && files.count && label < 0)
        leave_out(listing->left_out, folder, name, NULL, NOT_TRAINED);
    else if (!status && files.count)
        status = add_files(&dataset->splits[split], &files, label, err);
    else if (!status && left_out == listing->left_out->count)
        leave_out(listing->left_out, folder, name, NULL, "holds no images");
    fs_list_release(&files);
    return status;
}

static int list_split(struct folder_listing *listing, enum split split, struct err *err)
{
    struct fs_list classes;
    int status = dataset_tree_classes(&listing->tree, listing->splits[split], &classes, listing->left_out, err);
    for (size_t i = 0; !status && i < classes.count; i++)
        status = list_class(listing, split, classes.paths[i], err);
    fs_list_release(&classes);
    listing->listed += listing->dataset->splits[split].count;
    return status;
}

/* Whether a file begins as an image does that can be read, and its size: -1 with why not. */
static int check_file(const char *path, int64_t *size, struct err *why)
{
    struct stat info;
    char head[IMAGE_HEAD];
    int status = -1, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    if (fd < 0)
        return err_set(why, "%s", strerror(errno));
    if (fstat(fd, &info)) {
        err_set(why, "%s", strerror(errno));
    } else if (!S_ISREG(info.st_mode)) {
        err_set(why, "no regular file");
    } else if (info.st_size > IMAGE_FILE_MAX) {
        err_set(why, "larger than %d bytes", IMAGE_FILE_MAX);
    } else {
        ssize_t got = read(fd, head, sizeof head);
        *size = info.st_size;
        status = got < 0 ? err_set(why, "%s", strerror(errno)) : image_format_check(head, (size_t)got, why);
    }
    close(fd);
    return status;
}

int folder_path(const struct dataset *dataset, const struct samples *samples, size_t index, char *path, size_t size,
                struct err *err)
{
    const char *class = dataset->classes[samples->labels[index]], *file = samples->files[index];
    int length = snprintf(path, size, "%s/%s/%s", samples->dir, class, file);
    return length >= 0 && (size_t)length < size ? 0 : err_set(err, "the path of '%s' is too long", file);
}

/* For the fingerprint: "/train/cow/1.jpg", however the dataset's folder is spelled. Its whole path fitted. */
static int note_file(const struct folder_listing *listing, enum split split, const char *class, const char *file,
                     int64_t bytes, struct err *err)
{
    const char *folder = listing->splits[split];
    char name[PATH_MAX + 1];
    snprintf(name, sizeof name, "/%s%s%s/%s", folder, *folder ? "/" : "", class, file);
    return dataset_note(listing->dataset, name, bytes, err);
}

/* Looks into every file of a split; what is no image goes. */
static int check_split(struct folder_listing *listing, enum split split, struct err *err)
{
    struct dataset *dataset = listing->dataset;
    struct samples *samples = &dataset->splits[split];
    size_t count = samples->count, kept = 0, i;
    int status = 0;
    for (i = 0; i < count && !status; i++) {
        char path[PATH_MAX];
        struct err why = ERR_INIT;
        int label = samples->labels[i];
        int64_t bytes = 0;
        if (folder_path(dataset, samples, i, path, sizeof path, NULL))
            err_set(&why, "its path is too long");
        else
            check_file(path, &bytes, &why);
        if (*why.text) {
            leave_out(listing->unreadable, listing->splits[split], dataset->classes[label], samples->files[i],
                      why.text);
            free(samples->files[i]);
        } else {
            samples->labels[kept] = label;
            samples->files[kept++] = samples->files[i];
            status = note_file(listing, split, dataset->classes[label], samples->files[kept - 1], bytes, err);
        }
        if (!status)
            status = dataset_go_on(dataset, "checked", ++listing->checked, listing->listed, err);
    }
    /* Where it was broken off the rest is kept too, to be released. */
    for (; i < count; i++)
        samples->files[kept++] = samples->files[i];
    samples->count = kept;
    return status;
}

/* Of a split, how many images each class has; NULL where memory lacks. */
static size_t *count_labels(const struct dataset *dataset, enum split split)
{
    const struct samples *samples = &dataset->splits[split];
    size_t *counts = calloc((size_t)dataset->class_count + 1, sizeof *counts);
    for (size_t i = 0; counts && i < samples->count; i++)
        counts[samples->labels[i]]++;
    return counts;
}

/* Takes away those images of a split whose class is not kept, and gives the others their labels anew. */
static void relabel(struct samples *samples, const int *labels)
{
    size_t kept = 0;
    for (size_t i = 0; i < samples->count; i++) {
        int label = labels[samples->labels[i]];
        if (label < 0) {
            free(samples->files[i]);
            continue;
        }
        samples->labels[kept] = label;
        samples->files[kept++] = samples->files[i];
    }
    samples->count = kept;
}

/* Classes of which nothing is left to train on are none. */
static int drop_empty_classes(struct folder_listing *listing, struct err *err)
{
    struct dataset *dataset = listing->dataset;
    const char *train_dir = listing->splits[SPLIT_TRAIN], *test_dir = listing->splits[SPLIT_TEST];
    size_t *trained = count_labels(dataset, SPLIT_TRAIN), *tested = count_labels(dataset, SPLIT_TEST);
    int *labels = calloc((size_t)dataset->class_count + 1, sizeof *labels), kept = 0, status = -1;
    if (!trained || !tested || !labels) {
        err_set(err, "no memory for a dataset");
        goto out;
    }
    for (int c = 0; c < dataset->class_count; c++) {
        char *name = dataset->classes[c];
        labels[c] = trained[c] ? kept : -1;
        if (trained[c]) {
            dataset->classes[kept++] = name;
            continue;
        }
        leave_out(listing->left_out, train_dir, name, NULL, "holds no images that can be read");
        if (tested[c])
            leave_out(listing->left_out, test_dir, name, NULL, NOT_TRAINED);
        free(name);
    }
    dataset->class_count = kept;
    relabel(&dataset->splits[SPLIT_TRAIN], labels);
    relabel(&dataset->splits[SPLIT_TEST], labels);
    status = 0;
out:
    free(labels);
    free(tested);
    free(trained);
    return status;
}

static int make_path(struct samples *samples, const char *dir, const char *split, struct err *err)
{
    samples->folder = split;
    samples->dir = *split ? fs_join(dir, split) : strdup(dir);
    return samples->dir ? 0 : err_set(err, "no memory for a dataset");
}

/* -1 where so much is amiss that it is better not to train. */
static int judge(const struct folder_listing *listing, struct err *err)
{
    const struct left_out *unreadable = listing->unreadable;
    const char *dir = listing->tree.dir, *test_dir = listing->splits[SPLIT_TEST];
    struct buf names;
    int status = 0;
    buf_init(&names, NOTICE_SIZE);
    if (unreadable->count * UNREADABLE_PART > listing->listed) {
        left_out_list(unreadable, &names);
        status = err_set(err, "'%s': %zu of %zu images cannot be read, more than a tenth: %s", dir, unreadable->count,
                         listing->listed, buf_text(&names));
    } else if (!listing->dataset->class_count) {
        left_out_list(listing->left_out, &names);
        status =
            err_set(err, "'%s' holds no class folders with images%s%s", dir, names.len ? ": " : "", buf_text(&names));
    } else if (test_dir && !listing->dataset->splits[SPLIT_TEST].count) {
        status = err_set(err, "'%s/%s' holds no images of the classes that are trained on", dir, test_dir);
    }
    buf_release(&names);
    return status;
}

static void tell(struct folder_listing *listing)
{
    const struct left_out *unreadable = listing->unreadable, *left_out = listing->left_out;
    struct notices *notices = &listing->dataset->notices;
    struct buf names;
    buf_init(&names, NOTICE_SIZE);
    /* Names that have no room are left away: how many there are is told all the same. */
    left_out_list(unreadable, &names);
    if (unreadable->count)
        notices_add(notices, "%zu of %zu images cannot be read and %s left out: %s", unreadable->count, listing->listed,
                    unreadable->count == 1 ? "is" : "are", buf_text(&names));
    buf_clear(&names);
    left_out_list(left_out, &names);
    if (left_out->count)
        notices_add(notices, "%zu %s of the dataset's folder %s left out: %s", left_out->count,
                    left_out->count == 1 ? "entry" : "entries", left_out->count == 1 ? "is" : "are", buf_text(&names));
    buf_release(&names);
}

int folder_list(struct dataset *dataset, const char *dir, const struct dataset_layout *layout, struct err *err)
{
    struct samples *train = &dataset->splits[SPLIT_TRAIN], *test = &dataset->splits[SPLIT_TEST];
    const struct dataset_options *options = &dataset->options;
    struct folder_listing listing = { .dataset = dataset,
                                      .unreadable = &dataset->unreadable,
                                      .left_out = &dataset->left_out,
                                      .tree = { .dir = dir, .stop = options->cancelled, .arg = options->arg },
                                      .splits = { layout->train, layout->test } };
    if (layout->passed_over)
        left_out_add(listing.left_out, layout->passed_over, "holds no class folders with images, and is not tested on");
    if (make_path(train, dir, layout->train, err) || list_split(&listing, SPLIT_TRAIN, err))
        return -1;
    if (layout->test && (make_path(test, dir, layout->test, err) || list_split(&listing, SPLIT_TEST, err)))
        return -1;
    if (check_split(&listing, SPLIT_TRAIN, err) || check_split(&listing, SPLIT_TEST, err) ||
        drop_empty_classes(&listing, err) || (!options->as_it_is && judge(&listing, err)))
        return -1;
    tell(&listing);
    return 0;
}
