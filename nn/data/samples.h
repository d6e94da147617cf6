/* The pixels of a dataset's samples, for the loader: dataset.h without them is what the roles see. */
#ifndef DCLS_NN_SAMPLES_H
#define DCLS_NN_SAMPLES_H

#include "dcls/nn/dataset.h"
#include "image.h"

/* One thread's means of reading samples, zeroed at first; its memory grows to the largest sample and is kept. */
struct sample_reader {
    struct image image; /* the sample read last */
    char *bytes;        /* a file's */
    size_t capacity;
};
void sample_reader_release(struct sample_reader *reader);

/* Reads and decodes sample `index` into reader->image. Several threads may read one dataset. A failure names the
 * file. */
int dataset_read(const struct dataset *dataset, enum split split, size_t index, struct sample_reader *reader,
                 struct err *err);

#endif
