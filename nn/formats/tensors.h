/* A weight file's contents, whatever its format: named tensors in canonical order. A format's reader fills the list,
 * tensors_assign copies it into a network's weights; so a further format is one more reader.
 *
 * Bytes are little-endian, as every format stores them and this machine holds them. */
#ifndef DCLS_NN_TENSORS_H
#define DCLS_NN_TENSORS_H

#include "nn/graph/net.h"

#define TENSOR_RANK_MAX 8
#define TENSORS_MAX 100000
#define TENSORS_BYTES_MAX ((size_t)2 * 1024 * 1024 * 1024) /* of a whole file */

enum tensor_type { TENSOR_FLOAT32, TENSOR_FLOAT64, TENSOR_FLOAT16, TENSOR_BFLOAT16, TENSOR_INT64 };
size_t tensor_type_size(enum tensor_type type);

struct tensor {
    char *name;
    enum tensor_type type;
    int rank;
    int64_t shape[TENSOR_RANK_MAX];
    size_t count; /* product of shape, 1 for a scalar */
    void *bytes;  /* contiguous, the last dimension fastest */
};

/* Zeroed at first. */
struct tensors {
    struct tensor *list;
    size_t count, capacity;
    size_t bytes; /* of all */
    size_t max;   /* of bytes; 0: TENSORS_BYTES_MAX */
};

/* The most bytes of tensors that a file of `count` bytes may show. Numbers hardly compress, and few share a storage:
 * what shows many times its own size is made to fill memory. */
size_t tensors_max_of(size_t count);

/* Adds a tensor with room for its elements, to be filled by the caller; NULL with err where the shape is out of bounds
 * or the limits above would be passed. Valid until the next call. */
struct tensor *tensors_add(struct tensors *tensors, const char *name, enum tensor_type type, int rank,
                           const int64_t *shape, struct err *err);
void tensors_release(struct tensors *tensors);

/* Product of shape; -1 where a dimension is negative or the product passes TENSORS_BYTES_MAX. 1 for a scalar. */
int64_t shape_count(int rank, const int64_t *shape);

/* Copies by name, as weight_file_read promises; on failure the weights are in part overwritten. Floats of 64 bits are
 * rounded, those of 16 widened. */
int tensors_assign(const struct tensors *tensors, const struct net *net, struct weights *weights, bool replace_last,
                   bool *replaced, struct err *err);

#endif
