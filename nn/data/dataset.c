/* A dataset of any kind, told from what its folder holds. */
#include "dataset.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataset_kind.h"
#include "dcls/base/fs.h"
#include "hold_out.h"

/* The first that is found there is taken. */
static const struct dataset_kind *const kinds[] = { &dataset_folder, &dataset_idx, &dataset_class_folders };

static const struct dataset_kind *find_kind(const char *dir, struct err *err)
{
    if (!fs_is_dir(dir)) {
        err_set(err, "there is no dataset folder '%s'", dir);
        return NULL;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i]->found(dir))
            return kinds[i];
    err_set(err, "'%s' holds neither a folder 'train', nor class folders, nor 'train-images-idx3-ubyte' (or .gz)", dir);
    return NULL;
}

/* Takes the dataset's listing, to which what makes it this one was added. */
static int finish_fingerprint(struct dataset *dataset, struct err *err)
{
    int failed = 0;
    for (int c = 0; c < dataset->class_count && !failed; c++)
        failed = dataset_note(dataset, dataset->classes[c], c, err);
    if (failed)
        return -1;
    failed = sha256_finish(dataset->listing, dataset->fingerprint);
    dataset->listing = NULL;
    return failed ? err_set(err, "no memory for a dataset") : 0;
}

static int open_kind(struct dataset *dataset, const char *dir, struct err *err)
{
    double share = dataset->options.validation_split;
    if (!(dataset->kind = find_kind(dir, err)) || dataset->kind->open(dataset, dir, err) ||
        finish_fingerprint(dataset, err))
        return -1;
    if (dataset->options.as_it_is)
        return 0;
    if (!dataset->splits[SPLIT_TEST].count)
        return hold_out(dataset, share, err) ? err_prefix(err, "'%s'", dir) : 0;
    if (share > 0)
        notices_add(&dataset->notices, "no images are held out by 'validation-split': there are some to test on");
    return 0;
}

struct dataset *dataset_open(const char *dir, const struct dataset_options *options, struct err *err)
{
    struct dataset *dataset = calloc(1, sizeof(*dataset));
    if (!dataset) {
        err_set(err, "no memory for a dataset");
        return NULL;
    }
    if (options)
        dataset->options = *options;
    if (!(dataset->listing = sha256_new())) {
        err_set(err, "no memory for a dataset");
        dataset_close(dataset);
        return NULL;
    }
    if (open_kind(dataset, dir, err)) {
        dataset_close(dataset);
        return NULL;
    }
    return dataset;
}

static void samples_release(struct samples *samples)
{
    if (samples->files)
        for (size_t i = 0; i < samples->count; i++)
            free(samples->files[i]);
    free(samples->files);
    free(samples->labels);
    free(samples->origins);
    free(samples->dir);
    free(samples->pixels);
}

void dataset_close(struct dataset *dataset)
{
    if (!dataset)
        return;
    for (int i = 0; i < dataset->class_count; i++)
        free(dataset->classes[i]);
    free(dataset->classes);
    samples_release(&dataset->splits[SPLIT_TRAIN]);
    samples_release(&dataset->splits[SPLIT_TEST]);
    notices_release(&dataset->notices);
    left_out_release(&dataset->unreadable);
    left_out_release(&dataset->left_out);
    sha256_free(dataset->listing);
    free(dataset);
}

const struct notices *dataset_notices(const struct dataset *dataset)
{
    return &dataset->notices;
}

int dataset_classes(const struct dataset *dataset)
{
    return dataset->class_count;
}

const char *dataset_class(const struct dataset *dataset, int index)
{
    return dataset->classes[index];
}

size_t dataset_count(const struct dataset *dataset, enum split split)
{
    return dataset->splits[split].count;
}

int dataset_label(const struct dataset *dataset, enum split split, size_t index)
{
    return dataset->splits[split].labels[index];
}

const char *dataset_fingerprint(const struct dataset *dataset)
{
    return dataset->fingerprint;
}

const struct left_out *dataset_unreadable(const struct dataset *dataset)
{
    return &dataset->unreadable;
}

const struct left_out *dataset_left_out(const struct dataset *dataset)
{
    return &dataset->left_out;
}

char *dataset_path(const struct dataset *dataset, enum split split, size_t index)
{
    const struct samples *samples = &dataset->splits[split];
    char *path = NULL;
    assert(index < samples->count);
    if (!samples->files)
        return NULL;
    const char *folder = samples->folder, *class = dataset->classes[samples->labels[index]];
    if (asprintf(&path, "%s%s%s/%s", folder, *folder ? "/" : "", class, samples->files[index]) < 0)
        return NULL;
    return path;
}

enum split dataset_origin(const struct dataset *dataset, size_t *index)
{
    const struct samples *test = &dataset->splits[SPLIT_TEST];
    assert(*index < test->count);
    if (!test->origins)
        return SPLIT_TEST;
    *index = (size_t)test->origins[*index];
    return SPLIT_TRAIN;
}

bool dataset_decodes(const struct dataset *dataset, enum split split)
{
    (void)split;
    return dataset->kind->decodes;
}

int dataset_read(const struct dataset *dataset, enum split split, size_t index, struct sample_reader *reader,
                 uint8_t *out, struct err *err)
{
    assert(index < dataset->splits[split].count);
    return dataset->kind->read(dataset, &dataset->splits[split], index, reader, out, err);
}
