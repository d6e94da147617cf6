/* What a dataset is made of, and what a kind of dataset provides: for dataset.c, which knows the kinds, and for those.
 */
#ifndef DCLS_NN_DATASET_KIND_H
#define DCLS_NN_DATASET_KIND_H

#include <stdbool.h>
#include <stdint.h>

#include "sample_reader.h"

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
    const struct dataset_kind *kind;
    char **classes;
    int class_count;
    struct samples splits[2]; /* by enum split */
};

struct dataset_kind {
    bool (*found)(const char *dir); /* whether dir seems to hold one */
    /* Fills a zeroed dataset; what it made until a failure is released by dataset_close. */
    int (*open)(struct dataset *dataset, const char *dir, struct err *err);
    int (*read)(const struct dataset *dataset, const struct samples *samples, size_t index,
                struct sample_reader *reader, uint8_t *out, struct err *err);
    bool decodes; /* samples are files, rather than in memory and decoded */
};
extern const struct dataset_kind dataset_folder, dataset_idx;

/* One class more, `length` bytes of name. It becomes a line of classes.txt: what cannot be one is refused. */
int dataset_add_class(struct dataset *dataset, const char *name, size_t length, struct err *err);

#endif
