/* What a dataset is made of, and what a kind of dataset provides: for dataset.c, which knows the kinds, and for those.
 */
#ifndef DCLS_NN_DATASET_KIND_H
#define DCLS_NN_DATASET_KIND_H

#include <stdbool.h>
#include <stdint.h>

#include "dataset_options.h"
#include "dcls/base/left_out.h"
#include "dcls/base/notices.h"
#include "dcls/base/sha256.h"
#include "sample_reader.h"

#define DATASET_SAMPLES_MAX (10 * 1000 * 1000)

struct samples {
    size_t count;
    int *labels; /* (count) */
    /* a folder's */
    char *dir;          /* ".../train" */
    const char *folder; /* its name below the dataset's: "train", "" */
    char **files;       /* (count) paths below dir/CLASS */
    /* IDX */
    uint8_t *pixels; /* (count, height, width), grey */
    int width, height;
    /* of what was held out */
    int *origins; /* (count) where the folder has them among its training images */
};

struct dataset {
    const struct dataset_kind *kind;
    struct dataset_options options; /* that it was opened with; while it is being opened */
    char **classes;
    int class_count;
    struct samples splits[2]; /* by enum split */
    struct notices notices;
    struct left_out unreadable, left_out; /* a folder's: images, and what else is not taken */
    struct sha256 *listing;               /* while it is being opened */
    char fingerprint[SHA256_HEX_SIZE];
};

struct dataset_kind {
    bool (*found)(const char *dir); /* whether dir seems to hold one */
    /* Fills a zeroed dataset; what it made until a failure is released by dataset_close. Where there are no images to
     * test on it leaves that split empty. */
    int (*open)(struct dataset *dataset, const char *dir, struct err *err);
    int (*read)(const struct dataset *dataset, const struct samples *samples, size_t index,
                struct sample_reader *reader, uint8_t *out, struct err *err);
    /* The SHA-256 of a sample's content. */
    int (*digest)(const struct dataset *dataset, const struct samples *samples, size_t index, char hex[SHA256_HEX_SIZE],
                  struct err *err);
    bool decodes; /* samples are files, rather than in memory and decoded */
};
extern const struct dataset_kind dataset_folder, dataset_idx, dataset_class_folders;

/* One class more, `length` bytes of name. It becomes a line of classes.txt and a text of reports: what cannot be one is
 * refused. */
int dataset_add_class(struct dataset *dataset, const char *name, size_t length, struct err *err);

/* For dataset_fingerprint, while it is being opened: a file, or what else tells this dataset from others. */
int dataset_note(struct dataset *dataset, const char *name, int64_t size, struct err *err);

/* Tells how far opening is; -1 with err where it is to end. Cheap: may be called for each sample. */
int dataset_go_on(const struct dataset *dataset, const char *what, size_t done, size_t total, struct err *err);

#endif
