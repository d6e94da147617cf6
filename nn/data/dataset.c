/* A dataset of any kind, told from what its folder holds. */
#include "dataset.h"

#include <assert.h>
#include <stdlib.h>

#include "dataset_kind.h"
#include "dcls/base/fs.h"

/* The first that is found there is taken. */
static const struct dataset_kind *const kinds[] = { &dataset_folder, &dataset_idx };

static int open_kind(struct dataset *dataset, const char *dir, struct err *err)
{
    if (!fs_is_dir(dir))
        return err_set(err, "there is no dataset folder '%s'", dir);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i]->found(dir)) {
            dataset->kind = kinds[i];
            return kinds[i]->open(dataset, dir, err);
        }
    return err_set(err, "'%s' holds neither a folder 'train' nor 'train-images-idx3-ubyte' (or .gz)", dir);
}

struct dataset *dataset_open(const char *dir, struct err *err)
{
    struct dataset *dataset = calloc(1, sizeof(*dataset));
    if (!dataset) {
        err_set(err, "no memory for a dataset");
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
    free(dataset);
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
