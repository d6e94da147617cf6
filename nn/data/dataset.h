/* A folder of images with their labels, in two splits. */
#ifndef DCLS_NN_DATASET_H
#define DCLS_NN_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"
#include "sample_reader.h"

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

/* Reads sample `index` and resizes it to out (size, size, 3). Several threads may read one dataset. A failure names
 * the file. */
int dataset_read(const struct dataset *dataset, enum split split, size_t index, struct sample_reader *reader,
                 uint8_t *out, struct err *err);

/* Whether samples are read from files, rather than from memory that holds them decoded. */
bool dataset_decodes(const struct dataset *dataset, enum split split);

#endif
