/* Weights from a file of any format that is known, told apart by content and not by name: PyTorch's .pth in its
 * three forms, and .safetensors. */
#ifndef DCLS_NN_WEIGHT_FILE_H
#define DCLS_NN_WEIGHT_FILE_H

#include "tensors.h"

/* Loads by name into `weights`. Every parameter must be there with its shape and no other tensor besides, but that a
 * last layer with another number of outputs is passed over where `replace_last` (then *replaced, which may be NULL, is
 * true and its elements untouched), and that counters of batches may be missing (files of older networks), which makes
 * them 0. The log says which member of the file was taken and what was left out in front of the names. */
int weight_file_read(const char *path, const struct net *net, struct weights *weights, bool replace_last,
                     bool *replaced, struct err *err);
/* The tensors of a whole file in memory, without a prefix of all names (tensors_strip_prefix), into a zeroed list; the
 * caller's to release, also after a failure. */
int weight_file_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err);

#endif
