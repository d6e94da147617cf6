/* A tensor's elements as a network's parameters have them, as PyTorch's copy_ converts them. */
#ifndef DCLS_NN_CONVERT_H
#define DCLS_NN_CONVERT_H

#include "tensors.h"

/* All elements as floats: those of 64 bits are rounded, shorter ones widened. */
void convert_floats(const struct tensor *tensor, float *to);
/* The first element as an integer, without its fraction; INT64_MIN where it cannot be one. */
int64_t convert_integer(const struct tensor *tensor);

#endif
