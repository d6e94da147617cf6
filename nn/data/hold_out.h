/* Images to test on where there are none for that: a share of each class's training images.
 *
 * Which are taken is decided by the SHA-256 of their content alone, so that it is the same on every machine, whatever
 * files are called, and copies of one image never lie on both sides, whatever classes they are of. Of a class with two
 * different images or more at least one lies on each side. */
#ifndef DCLS_NN_HOLD_OUT_H
#define DCLS_NN_HOLD_OUT_H

#include "dataset_kind.h"

/* Moves them from the training split to the other, which is empty. `share` is above 0 and below 1; 0 is an error that
 * tells of the option. */
int hold_out(struct dataset *dataset, double share, struct err *err);

#endif
