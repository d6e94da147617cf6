/* Sizes and parts of blocks of memory. */
#ifndef DCLS_NN_CPU_SIZES_H
#define DCLS_NN_CPU_SIZES_H

#include <stddef.h>

#include "nn/graph/op.h"

static inline size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* So many bytes into a block; NULL stays NULL. */
static inline void *behind(void *block, size_t bytes)
{
    return block ? (char *)block + bytes : NULL;
}

static inline size_t pixels_of(const struct value *value) /* of a plane */
{
    return (size_t)value->h * (size_t)value->w;
}

#endif
