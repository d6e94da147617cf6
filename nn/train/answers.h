/* What a network answers on each of the test images: the label, the three most probable classes, and how probable they
 * are. Collected while an epoch is evaluated, and written beside the report, as dcls/base/answers_file.h describes. */
#ifndef DCLS_NN_ANSWERS_H
#define DCLS_NN_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/answers_file.h"
#include "dcls/base/buf.h"
#include "dcls/base/err.h"

#define ANSWERS_TOP 3

struct answer {
    int32_t index, label; /* index: in the test split */
    int32_t classes[ANSWERS_TOP];
    float probabilities[ANSWERS_TOP]; /* 0 where there are fewer classes */
};

struct answers {
    int classes;
    size_t images, max;  /* of the test split; how many there is room for */
    size_t seen, count;  /* images since they were cleared; of those, answers that are kept */
    struct answer *list; /* (count), in no order before answers_sort */
};

struct dataset;

/* Of a test split of so many images. */
int answers_init(struct answers *answers, int classes, size_t images, struct err *err);
void answers_release(struct answers *answers);
void answers_clear(struct answers *answers);
/* Adds a batch, the images of the split in order: logits (n, classes). */
void answers_add(struct answers *answers, const float *logits, const int *labels, int n);
/* By their index: no more can be added until they are cleared. */
void answers_sort(struct answers *answers);
/* Whether what was read from a file can be answers on that split. */
bool answers_are_valid(const struct answers *answers);

/* As JSON text. */
int answers_write(const struct answers *answers, const char *model, const struct dataset *dataset, struct buf *out,
                  struct err *err);

#endif
