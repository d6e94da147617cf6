/* How a classifier's answers on labelled images are spread: for each class how many were, how many were told to be, and
 * how many both; and for few classes, every pair. */
#ifndef DCLS_NN_CONFUSION_H
#define DCLS_NN_CONFUSION_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"

#define CONFUSION_CLASSES_MAX 100 /* beyond, no pairs */

struct confusion {
    int classes;
    int64_t *labelled, *answered, *both; /* by class */
    int64_t *pairs;                      /* (classes, classes): by label, then by answer; NULL beyond the maximum */
};

/* What is said of a class. Where nothing was told, or was, to be of the class, the shares are 0. */
struct class_scores {
    double precision, recall, f1; /* from 0 to 1 */
};

int confusion_init(struct confusion *confusion, int classes, struct err *err);
void confusion_release(struct confusion *confusion);
void confusion_clear(struct confusion *confusion);
/* Counts a batch: the first highest of logits (n, classes) is the answer. */
void confusion_count(struct confusion *confusion, const float *logits, const int *labels, int n);
/* How many counts lie behind `labelled`, all of them. */
size_t confusion_counts(const struct confusion *confusion);
struct class_scores confusion_scores(const struct confusion *confusion, int class);

#endif
