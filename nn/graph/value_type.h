/* What the elements of values are (activations and their gradients), and how many bytes they take. No other file of nn
 * says sizeof(float), which `make lint` checks: a further type comes in here, and then shows where it is not yet
 * thought of. */
#ifndef DCLS_NN_VALUE_TYPE_H
#define DCLS_NN_VALUE_TYPE_H

#include <stddef.h>

enum value_type {
    VALUE_FLOAT32,
};

static inline size_t value_type_size(enum value_type type)
{
    switch (type) {
    case VALUE_FLOAT32: break;
    }
    return sizeof(float);
}

/* Of what is float32 whatever values are: parameters, their gradients and moments, statistics, and what kernels of
 * float32 keep for themselves. */
static inline size_t floats_bytes(size_t count)
{
    return count * sizeof(float);
}

#endif
