/* See dcls/nn/dataset_view.h. */
#include "dcls/nn/dataset_view.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "dataset_kind.h"
#include "dataset.h"
#include "dcls/base/clock.h"
#include "dcls/base/fs.h"
#include "folder_list.h"

#define FRESH_MS 1000        /* what was looked at so short a time ago is as it is now */
#define FRESH_TIMES 20       /* or so many times as long as looking took: a twentieth of the time at most */
#define SAMPLES 6            /* of a class, at most */
#define CLASSES_BYTES 400000 /* of the text of all lists of classes, about */

struct dataset_view {
    char *dir;
    struct dataset *dataset; /* NULL: none is open */
    int64_t opened_ms, took_ms;
};

struct dataset_view *dataset_view_new(void)
{
    return calloc(1, sizeof(struct dataset_view));
}

static void view_close(struct dataset_view *view)
{
    dataset_close(view->dataset);
    free(view->dir);
    *view = (struct dataset_view){ 0 };
}

void dataset_view_free(struct dataset_view *view)
{
    if (!view)
        return;
    view_close(view);
    free(view);
}

static bool is_fresh(const struct dataset_view *view)
{
    int64_t age = clock_ms() - view->opened_ms, enough = FRESH_TIMES * view->took_ms;
    return age < (enough > FRESH_MS ? enough : FRESH_MS);
}

int dataset_view_open(struct dataset_view *view, const char *dir, bool anew, struct err *err)
{
    struct dataset_options options = { .as_it_is = true };
    int64_t start = clock_ms();
    if (view->dataset && !strcmp(view->dir, dir) && (!anew || is_fresh(view)))
        return 0;
    view_close(view);
    if (!(view->dir = strdup(dir)))
        return err_set(err, "no memory for a dataset");
    if (!(view->dataset = dataset_open(dir, &options, err))) {
        err_rename(err, dir, "images");
        return -1;
    }
    view->opened_ms = clock_ms();
    view->took_ms = view->opened_ms - start;
    return 0;
}

const char *dataset_view_fingerprint(const struct dataset_view *view)
{
    return dataset_fingerprint(view->dataset);
}

/* Takes `item`. */
static bool append(cJSON *list, cJSON *item)
{
    if (item && cJSON_AddItemToArray(list, item))
        return true;
    cJSON_Delete(item);
    return false;
}

/* How many of the first classes are listed. */
static int count_listed(const struct dataset *dataset)
{
    size_t bytes = 0;
    int c = 0;
    for (; c < dataset_classes(dataset); c++) {
        bytes += 3 * strlen(dataset_class(dataset, c)) + 200; /* in three lists, two of them with samples */
        if (bytes > CLASSES_BYTES)
            break;
    }
    return c;
}

/* The class's objects of a split, without images yet. */
static bool add_classes(cJSON *list, const struct dataset *dataset, const int *counts, int listed)
{
    for (int c = 0; c < listed; c++) {
        cJSON *class = cJSON_CreateObject();
        if (!append(list, class) || !cJSON_AddStringToObject(class, "name", dataset_class(dataset, c)) ||
            !cJSON_AddNumberToObject(class, "images", counts[c]) || !cJSON_AddArrayToObject(class, "samples"))
            return false;
    }
    return true;
}

/* Of each class a few images, as far from each other as they can be. */
static bool add_samples(cJSON *list, const struct dataset *dataset, enum split split, const int *counts, int listed)
{
    size_t images = dataset_count(dataset, split);
    cJSON **samples = calloc((size_t)listed + 1, sizeof *samples), *class;
    int *seen = calloc((size_t)listed + 1, sizeof *seen), c = 0;
    bool whole = samples && seen;
    for (class = list->child; class && whole; class = class->next)
        samples[c++] = cJSON_GetObjectItemCaseSensitive(class, "samples");
    for (size_t i = 0; i < images && whole; i++) {
        int label = dataset_label(dataset, split, i);
        if (label >= listed)
            continue;
        int64_t at = seen[label]++, count = counts[label];
        if (!at || at * SAMPLES / count != (at - 1) * SAMPLES / count)
            whole = append(samples[label], cJSON_CreateNumber((double)i));
    }
    free(seen);
    free(samples);
    return whole;
}

static bool add_split(cJSON *splits, const struct dataset *dataset, enum split split, int listed)
{
    size_t images = dataset_count(dataset, split);
    int *counts = calloc((size_t)dataset_classes(dataset) + 1, sizeof *counts);
    cJSON *object = cJSON_CreateObject(), *classes = NULL;
    bool whole = append(splits, object) && counts &&
                 cJSON_AddStringToObject(object, "name", split == SPLIT_TRAIN ? "train" : "test") &&
                 cJSON_AddNumberToObject(object, "images", (double)images) &&
                 (classes = cJSON_AddArrayToObject(object, "classes"));
    for (size_t i = 0; i < images && whole; i++)
        counts[dataset_label(dataset, split, i)]++;
    whole =
        whole && add_classes(classes, dataset, counts, listed) && add_samples(classes, dataset, split, counts, listed);
    free(counts);
    return whole;
}

static bool add_left_out(cJSON *object, const char *name, const struct left_out *left_out)
{
    cJSON *list = cJSON_AddObjectToObject(object, name), *first;
    bool whole = list && cJSON_AddNumberToObject(list, "count", (double)left_out->count) &&
                 (first = cJSON_AddArrayToObject(list, "first"));
    for (size_t i = 0; i < left_out->named && whole; i++) {
        cJSON *entry = cJSON_CreateObject();
        whole = append(first, entry) && cJSON_AddStringToObject(entry, "path", left_out->first[i].path) &&
                cJSON_AddStringToObject(entry, "reason", left_out->first[i].reason);
    }
    return whole;
}

int dataset_view_describe(const struct dataset_view *view, cJSON *object, struct err *err)
{
    const struct dataset *dataset = view->dataset;
    int listed = count_listed(dataset), left_out = dataset_classes(dataset) - listed;
    cJSON *classes = NULL, *splits = NULL;
    bool whole = cJSON_AddStringToObject(object, "kind", dataset_decodes(dataset, SPLIT_TRAIN) ? "folders" : "idx") &&
                 (classes = cJSON_AddArrayToObject(object, "classes"));
    for (int c = 0; c < listed && whole; c++)
        whole = append(classes, cJSON_CreateString(dataset_class(dataset, c)));
    whole = whole && (splits = cJSON_AddArrayToObject(object, "splits"));
    for (enum split split = SPLIT_TRAIN; split <= SPLIT_TEST && whole; split++)
        whole = (split == SPLIT_TEST && !dataset_count(dataset, split)) || add_split(splits, dataset, split, listed);
    whole = whole && add_left_out(object, "unreadable", dataset_unreadable(dataset)) &&
            add_left_out(object, "leftOut", dataset_left_out(dataset)) &&
            cJSON_AddStringToObject(object, "fingerprint", dataset_fingerprint(dataset)) &&
            (!left_out || cJSON_AddNumberToObject(object, "classesLeftOut", left_out));
    return whole ? 0 : err_set(err, "no memory to tell of a dataset");
}

/* Paths are told as they are below the dataset's folder: where that lies is nobody's business. */
static int show_file(const struct dataset_view *view, enum split split, size_t index, int width,
                     struct thumbnail *thumbnail, int *status, struct err *err)
{
    char path[PATH_MAX], *bytes = NULL, *shown = dataset_path(view->dataset, split, index);
    struct fs_stamp stamp;
    size_t count;
    int result = -1;
    struct err why = ERR_INIT;
    *status = 422;
    if (!shown) {
        err_set(err, "no memory for an image");
        goto out;
    }
    if (folder_path(view->dataset, &view->dataset->splits[split], index, path, sizeof path, err))
        goto out;
    if (fs_stamp(path, &stamp)) {
        *status = 404;
        err_set(err, "'%s' is not there any more", shown);
    } else if (stamp.size > THUMBNAIL_FILE_MAX) {
        err_set(err, "'%s' is larger than %d bytes", shown, THUMBNAIL_FILE_MAX);
    } else if (fs_read(path, THUMBNAIL_FILE_MAX, &bytes, &count, NULL)) {
        err_set(err, "'%s' cannot be read", shown);
    } else if (thumbnail_make(bytes, count, width, thumbnail, &why)) {
        err_set(err, "'%s': %s", shown, why.text);
    } else {
        result = 0;
    }
out:
    free(bytes);
    free(shown);
    return result;
}

int dataset_view_image(const struct dataset_view *view, const char *split_name, int index, int width,
                       struct thumbnail *thumbnail, int *status, struct err *err)
{
    const struct dataset *dataset = view->dataset;
    enum split split = strcmp(split_name, "test") ? SPLIT_TRAIN : SPLIT_TEST;
    size_t count = dataset_count(dataset, split);
    const struct samples *samples = &dataset->splits[split];
    *thumbnail = (struct thumbnail){ 0 };
    *status = 404;
    if (split == SPLIT_TRAIN && strcmp(split_name, "train"))
        return err_set(err, "a dataset has no images '%.16s'", split_name);
    if (index < 0 || (size_t)index >= count)
        return err_set(err, "there are %zu images to %s, and none of index %d", count,
                       split == SPLIT_TRAIN ? "train on" : "test on", index);
    if (dataset_decodes(dataset, split))
        return show_file(view, split, (size_t)index, width, thumbnail, status, err);
    *status = 422;
    const uint8_t *grey = samples->pixels + (size_t)index * (size_t)samples->width * (size_t)samples->height;
    return thumbnail_of_grey(grey, samples->width, samples->height, width, thumbnail, err);
}
