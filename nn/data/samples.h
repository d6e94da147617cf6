/* The pixels of a dataset's samples, for the loader: dataset.h without them is what the roles see. */
#ifndef DCLS_NN_SAMPLES_H
#define DCLS_NN_SAMPLES_H

#include <stdbool.h>

#include "dcls/nn/dataset.h"
#include "resize.h"

/* One thread's means of reading samples; its memory grows to the largest sample and is kept. Zeroed, it can be
 * released. */
struct sample_reader {
    int size;
    enum decoding decoding;
    struct resize_scratch *scratch;
    struct image image; /* a sample before it is resized, where it lies in memory whole */
    char *bytes;        /* a file's */
    size_t capacity;
};
int sample_reader_init(struct sample_reader *reader, int size, enum decoding decoding, struct err *err);
void sample_reader_release(struct sample_reader *reader);

/* Reads sample `index` and resizes it to out (size, size, 3). Several threads may read one dataset. A failure names
 * the file. */
int dataset_read(const struct dataset *dataset, enum split split, size_t index, struct sample_reader *reader,
                 uint8_t *out, struct err *err);

/* Whether samples are read from files, rather than from memory that holds them decoded. */
bool dataset_decodes(const struct dataset *dataset, enum split split);

#endif
