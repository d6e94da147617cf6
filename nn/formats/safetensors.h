/* Hugging Face's .safetensors: 8 bytes of the header's length, the header in JSON (names, types, shapes, places), then
 * the numbers. There is nothing in it to execute. */
#ifndef DCLS_NN_SAFETENSORS_H
#define DCLS_NN_SAFETENSORS_H

#include "tensors.h"

#define SAFETENSORS_HEADER_MAX (4 * 1024 * 1024)

/* Whether the bytes begin as such a file does: a length, and the brace of a JSON object. */
bool safetensors_is(const void *bytes, size_t count);
/* The tensors of a whole file in memory, into a zeroed list; the caller's to release. Each byte behind the header must
 * belong to exactly one tensor. */
int safetensors_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err);
/* Durable and atomic. Equal weights give equal bytes. */
int safetensors_write(const char *path, const struct net *net, const struct weights *weights, struct err *err);

#endif
