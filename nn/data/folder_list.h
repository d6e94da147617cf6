/* The samples of a folder of images, every file's first bytes read.
 *
 * A class is a folder with images in `train`. Left out, and told, are files that no decoder knows or that cannot be
 * opened, class folders without images, and what dcls/base/dataset_tree.h leaves out. */
#ifndef DCLS_NN_FOLDER_LIST_H
#define DCLS_NN_FOLDER_LIST_H

#include "dataset_kind.h"
#include "dcls/base/dataset_tree.h"

#define IMAGE_FILE_MAX (1024 * 1024 * 1024) /* bytes: a BMP of the most pixels that are read has 713 MB */

/* Fills classes, samples and notices. -1 with err where one split holds none, or more than a tenth of all images cannot
 * be read. */
int folder_list(struct dataset *dataset, const char *dir, const struct dataset_layout *layout, struct err *err);

/* The path of a sample; -1 with err where it is longer than any may be. */
int folder_path(const struct dataset *dataset, const struct samples *samples, size_t index, char *path, size_t size,
                struct err *err);

#endif
