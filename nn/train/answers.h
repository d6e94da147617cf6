/* What a network answers on each of the test images: the label, the three most probable classes, and how probable they
 * are. Collected while an epoch is evaluated, and written beside the report:
 *
 *     {"model": "cows", "split": "test", "fingerprint": HEX, "classes": ["cow", ...], "count": 2, "left_out": 0,
 *      "answers": [
 *     [0,0,[0,2,1],[0.93,0.05,0.02],"test/cow/1.jpg"],
 *     [1,0,[1,0,2],[0.6,0.3,0.1],"test/cow/2.jpg"]]}
 *
 * A row is index, label, the classes by falling probability, those, and where the dataset is a folder the path below
 * it. `split` and index say where the dataset's own folder has the image: among the training images where the test
 * images were held out of those. Whoever finds another fingerprint (nn/data/dataset.h) finds other images there. */
#ifndef DCLS_NN_ANSWERS_H
#define DCLS_NN_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/buf.h"
#include "dcls/base/err.h"

/* Of more images the right answers that are the least sure are left out, then the wrong ones. */
#define ANSWERS_MAX 100000
#define ANSWERS_TOP 3
#define ANSWERS_FILE_MAX (64 * 1024 * 1024)

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
