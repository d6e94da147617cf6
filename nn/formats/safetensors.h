/* Hugging Face's .safetensors: 8 bytes of the header's length, the header in JSON (names, types, shapes, places), then
 * the elements. There is nothing in it to execute. */
#ifndef DCLS_NN_SAFETENSORS_H
#define DCLS_NN_SAFETENSORS_H

#include "output.h"
#include "tensors.h"

#define SAFETENSORS_HEADER_MAX (4 * 1024 * 1024)

/* Whether the bytes begin as such a file does: a length, and the brace of a JSON object. */
bool safetensors_is(const void *bytes, size_t count);
/* The tensors of a whole file in memory, into a zeroed list; the caller's to release. Each byte behind the header must
 * belong to exactly one tensor. */
int safetensors_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err);
/* The text of that key in the header's __metadata__, the caller's to free; an error where it has none. */
int safetensors_metadata(const void *bytes, size_t count, const char *key, char **value, struct err *err);

/* What is to become a tensor of a file: of a type of 32 or 64 bits. */
struct safetensors_piece {
    const char *name;
    enum tensor_type type;
    int rank;
    int64_t shape[4];
    void *elements;
};
/* Writes `pieces`, and as metadata `key` (NULL: none). Equal pieces give equal bytes. */
int safetensors_write_pieces(const struct output *output, const char *key, const char *value,
                             struct safetensors_piece *pieces, int count, struct err *err);
/* A network's weights, likewise; and at a path, durable and atomic. */
int safetensors_write_to(const struct output *output, const struct net *net, const struct weights *weights,
                         struct err *err);
int safetensors_write(const char *path, const struct net *net, const struct weights *weights, struct err *err);

#endif
