/* A folder of images with their labels, in two splits. */
#ifndef DCLS_NN_DATASET_H
#define DCLS_NN_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"
#include "dataset_options.h"
#include "dcls/base/left_out.h"
#include "dcls/base/notices.h"
#include "sample_reader.h"

struct dataset;

/* Opens a folder of images or the four IDX files of the MNIST family (gzipped or not).
 *
 * Of a folder (dcls/base/dataset_tree.h) the classes are the sorted names of the class folders that hold images; of IDX
 * the labels "0", "1", … or, where a classes.txt lies beside, its lines. Each file's first bytes are read: what no
 * decoder knows is left out, and too much of that is an error. Without images to test on, a share of each class is held
 * out (hold_out.h). `options` may be NULL. Freed by dataset_close. */
struct dataset *dataset_open(const char *dir, const struct dataset_options *options, struct err *err);
void dataset_close(struct dataset *dataset);

/* What people should know of it. */
const struct notices *dataset_notices(const struct dataset *dataset);

int dataset_classes(const struct dataset *dataset);
const char *dataset_class(const struct dataset *dataset, int index);
size_t dataset_count(const struct dataset *dataset, enum split split);
int dataset_label(const struct dataset *dataset, enum split split, size_t index);

/* Reads sample `index` and resizes it to out (size, size, 3). Several threads may read one dataset. A failure names
 * the file. */
int dataset_read(const struct dataset *dataset, enum split split, size_t index, struct sample_reader *reader,
                 uint8_t *out, struct err *err);

/* 64 hex digits that are others where a file came, went, or has another size, or a class another name. What is held out
 * makes no difference, nor does where the folder lies. */
const char *dataset_fingerprint(const struct dataset *dataset);
/* What of a folder is not taken: images that cannot be read; and all else. */
const struct left_out *dataset_unreadable(const struct dataset *dataset);
const struct left_out *dataset_left_out(const struct dataset *dataset);

/* "test/cow/1.jpg" below the dataset's folder, the caller's to free; NULL where memory lacks, or samples are no files:
 * see dataset_decodes. */
char *dataset_path(const struct dataset *dataset, enum split split, size_t index);
/* Where the folder itself has a test image, before any was held out: the split that is returned, at *index. */
enum split dataset_origin(const struct dataset *dataset, size_t *index);

/* Whether samples are read from files, rather than from memory that holds them decoded. */
bool dataset_decodes(const struct dataset *dataset, enum split split);

#endif
