/* A folder of images as a dataset: which of its folders are classes and which files are their images, by names alone.
 * One set of rules for who trains on it and who tells what it holds.
 *
 * Hidden names do not count (dataset_name.h). Links are followed wherever they lead, but for one that leads back to a
 * folder above it. What cannot be had is told to `left_out` by its path below the dataset's folder, and the rest is
 * taken. */
#ifndef DCLS_BASE_DATASET_TREE_H
#define DCLS_BASE_DATASET_TREE_H

#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/base/fs.h"
#include "dcls/base/left_out.h"

#define DATASET_CLASSES_MAX 10000
#define DATASET_FILES_MAX (10 * 1000 * 1000) /* of a class */

struct dataset_tree {
    const char *dir;
    bool (*stop)(void *arg); /* asked now and then; true ends a walk. NULL: nobody is asked */
    void *arg;
};

/* Which of a dataset's images are trained on, and which tested on, their folders below its own. */
struct dataset_layout {
    const char *train;       /* "train"; "" where the class folders lie in the dataset's own folder */
    const char *test;        /* the first of val, valid, validation and test with images in class folders; NULL: none */
    const char *passed_over; /* a folder that would be `test`, had it any; NULL: none */
};

/* False where `dir` is no folder of images: it has neither a folder `train` nor folders of which none is called as one
 * of splits would be. */
bool dataset_layout_find(const char *dir, struct dataset_layout *layout);

/* The names of the class folders in the split's folder, sorted by bytes. -1 with err where that cannot be read or holds
 * more than DATASET_CLASSES_MAX. */
int dataset_tree_classes(const struct dataset_tree *tree, const char *split, struct fs_list *classes,
                         struct left_out *left_out, struct err *err);

/* The images of a class, by their endings those of formats that are not read too: paths below the class's folder,
 * sorted by bytes. -1 with err where memory or descriptors lack, there are too many, or it was to stop. */
int dataset_tree_images(const struct dataset_tree *tree, const char *split, const char *class, struct fs_list *images,
                        struct left_out *left_out, struct err *err);

#endif
