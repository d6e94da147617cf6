/* Weights from a file of any format that is known, told apart by content and not by name: PyTorch's .pth in its
 * three forms, and .safetensors. */
#ifndef DCLS_NN_WEIGHT_FILE_H
#define DCLS_NN_WEIGHT_FILE_H

#include "tensors.h"

#define WEIGHT_FILE_TAKEN_SIZE 256

/* What people should know of weights that were read. */
struct weight_file_notes {
    bool replaced;                      /* the last layer has another number of outputs and was passed over */
    char taken[WEIGHT_FILE_TAKEN_SIZE]; /* a line of which member of the file they are, and without what in front of
                                           their names; empty: the whole file, as it is */
};

/* Loads by name into `weights`. Every parameter must be there with its shape and no other tensor besides, but that a
 * last layer with another number of outputs is passed over where `replace_last` (its elements are untouched then), and
 * that counters of batches may be missing (files of older networks), which makes them 0. `notes` may be NULL. */
int weight_file_read(const char *path, const struct net *net, struct weights *weights, bool replace_last,
                     struct weight_file_notes *notes, struct err *err);
/* The tensors of a whole file in memory, without a prefix of all names (tensors_strip_prefix), into a zeroed list; the
 * caller's to release, also after a failure. */
int weight_file_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err);

#endif
