/* A dataset of either kind, told from what the folder holds. */
#include "dcls/nn/dataset.h"

#include <stdlib.h>

#include "dataset_kinds.h"
#include "dcls/base/fs.h"

static int open_kind(struct dataset *dataset, const char *dir, struct err *err)
{
    if (!fs_is_dir(dir))
        return err_set(err, "there is no dataset folder '%s'", dir);
    char *train = fs_join(dir, "train");
    if (!train)
        return err_set(err, "no memory for a dataset");
    bool is_folder = fs_is_dir(train);
    free(train);
    if (is_folder)
        return folder_open(dataset, dir, err);
    if (idx_found(dir))
        return idx_open(dataset, dir, err);
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

int class_name_check(const char *name, struct err *err)
{
    if (!name[0])
        return err_set(err, "a class has an empty name");
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        if (*c < ' ' || *c == 0x7f)
            return err_set(err, "the class name '%s' has a control character", name);
    return 0;
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
    return dataset->splits[split].files;
}

int dataset_read(const struct dataset *dataset, enum split split, size_t index, struct sample_reader *reader,
                 uint8_t *out, struct err *err)
{
    const struct samples *samples = &dataset->splits[split];
    return samples->files ? folder_read(dataset, samples, index, reader, out, err)
                          : idx_read(samples, index, reader, out, err);
}

int sample_reader_init(struct sample_reader *reader, int size, enum decoding decoding, struct err *err)
{
    *reader = (struct sample_reader){ .size = size, .decoding = decoding, .scratch = resize_scratch_new() };
    return reader->scratch ? 0 : err_set(err, "no memory to read images");
}

void sample_reader_release(struct sample_reader *reader)
{
    resize_scratch_free(reader->scratch);
    image_release(&reader->image);
    free(reader->bytes);
    *reader = (struct sample_reader){ 0 };
}
