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

#define TENSORS_MEMBER_SIZE 64
#define TENSORS_PREFIX_SIZE 64
#define TENSOR_WHAT_SIZE 128
#define TENSOR_NOTES_MAX 10000

enum tensor_type {
    TENSOR_FLOAT32,
    TENSOR_FLOAT64,
    TENSOR_FLOAT16,
    TENSOR_BFLOAT16,
    TENSOR_INT64,
    TENSOR_INT32,
    TENSOR_INT16,
    TENSOR_INT8,
    TENSOR_UINT8,
    TENSOR_BOOL
};
size_t tensor_type_size(enum tensor_type type);

struct tensor {
    char *name;
    enum tensor_type type;
    int rank;
    int64_t shape[TENSOR_RANK_MAX];
    size_t count; /* product of shape, 1 for a scalar */
    void *bytes;  /* contiguous, the last dimension fastest */
};

/* An entry of a file that is no tensor that is read: what it is, to be told where it is missed. */
struct tensor_note {
    char *name;
    char what[TENSOR_WHAT_SIZE];
};

/* Zeroed at first. */
struct tensors {
    struct tensor *list;
    size_t count, capacity;
    size_t bytes; /* of all */
    size_t max;   /* of bytes; 0: TENSORS_BYTES_MAX */
    struct tensor_note *notes;
    size_t note_count;
    /* What was around the names in the file: the member of its dictionary that the tensors are ("state_dict"), and what
     * stood in front of every name ("module."). Empty: nothing. */
    char member[TENSORS_MEMBER_SIZE], prefix[TENSORS_PREFIX_SIZE];
};

/* The most bytes that an archive of `count` bytes may unpack. Numbers hardly compress: what unpacks to many times its
 * own size is made to fill memory. */
size_t tensors_max_of(size_t count);
/* The most bytes of tensors that a file of `count` bytes may show: more, as expanded tensors are few numbers, but no
 * more than a large network has. */
size_t tensors_max_shown(size_t count);

/* Adds a tensor with room for its elements, to be filled by the caller; NULL with err where the shape is out of bounds
 * or the limits above would be passed. Valid until the next call. */
struct tensor *tensors_add(struct tensors *tensors, const char *name, enum tensor_type type, int rank,
                           const int64_t *shape, struct err *err);
void tensors_release(struct tensors *tensors);

/* Takes "module.", "_orig_mod.", "model.", "net." and "backbone." away from the names, in whatever order and number
 * they stand in front of all of them; the prefix is remembered. */
void tensors_strip_prefix(struct tensors *tensors);

/* Product of shape; -1 where a dimension is negative or the product passes TENSORS_BYTES_MAX. 1 for a scalar. */
int64_t shape_count(int rank, const int64_t *shape);

/* Copies by name, as weight_file_read promises; on failure the weights are in part overwritten. */
int tensors_assign(const struct tensors *tensors, const struct net *net, struct weights *weights, bool replace_last,
                   bool *replaced, struct err *err);

#endif
