/* A part of a file. Nothing is copied: whoever reads it takes from its start. */
#ifndef DCLS_NN_SPAN_H
#define DCLS_NN_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const uint8_t *bytes;
    size_t count;
};

/* All of it: false where less is left. */
bool span_take(struct span *span, size_t count, struct span *taken);
bool span_number(struct span *span, size_t size, uint64_t *value); /* of up to 8 bytes, the highest first */

#endif
