/* What a dataset is made of, for its two kinds (folder.c, idx.c) and dataset.c alone. */
#ifndef DCLS_NN_DATASET_KINDS_H
#define DCLS_NN_DATASET_KINDS_H

#include <stdbool.h>
#include <stdint.h>

#include "samples.h"

#define DATASET_CLASSES_MAX 10000
#define DATASET_SAMPLES_MAX (10 * 1000 * 1000)

struct samples {
    size_t count;
    int *labels; /* (count) */
    /* ImageFolder */
    char *dir;    /* ".../train" */
    char **files; /* (count) paths below dir/CLASS */
    /* IDX */
    uint8_t *pixels; /* (count, height, width), grey */
    int width, height;
};

struct dataset {
    char **classes;
    int class_count;
    struct samples splits[2]; /* by enum split */
};

/* Fill a zeroed dataset; what they made until a failure is released by dataset_close. */
int folder_open(struct dataset *dataset, const char *dir, struct err *err);
int folder_read(const struct dataset *dataset, const struct samples *samples, size_t index,
                struct sample_reader *reader, uint8_t *out, struct err *err);
int idx_open(struct dataset *dataset, const char *dir, struct err *err);
int idx_read(const struct samples *samples, size_t index, struct sample_reader *reader, uint8_t *out, struct err *err);

/* Whether dir holds IDX files at all. */
bool idx_found(const char *dir);

/* 0 where `name` can be a class: it becomes a line of classes.txt. */
int class_name_check(const char *name, struct err *err);

#endif
