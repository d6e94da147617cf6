/* What a folder of images holds, without decoding any: for a node's summary and before a training. */
#ifndef DCLS_NN_DATASET_H
#define DCLS_NN_DATASET_H

#include <stddef.h>

#include "dcls/base/err.h"

enum split { SPLIT_TRAIN, SPLIT_TEST };

struct dataset;

/* Opens an ImageFolder (train/CLASS/files and test/, val/ or validation/) or the four IDX files of the MNIST family
 * (gzipped or not). Classes are the sorted folder names of train/; of IDX the labels "0", "1", … or, where a
 * classes.txt lies beside, its lines. A test class that train lacks is an error. Freed by dataset_close. */
struct dataset *dataset_open(const char *dir, struct err *err);
void dataset_close(struct dataset *dataset);

int dataset_classes(const struct dataset *dataset);
const char *dataset_class(const struct dataset *dataset, int index);
size_t dataset_count(const struct dataset *dataset, enum split split);
int dataset_label(const struct dataset *dataset, enum split split, size_t index);

#endif
