/* The splits of a dataset, and one thread's means of reading their samples. */
#ifndef DCLS_NN_SAMPLE_READER_H
#define DCLS_NN_SAMPLE_READER_H

#include "resize.h"

enum split { SPLIT_TRAIN, SPLIT_TEST };

/* Its memory grows to the largest sample and is kept. Zeroed, it can be released. */
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

#endif
