/* The boxes of a HEIF file (ISO/IEC 14496-12, 4.2) and the numbers in them. Nothing is copied: a span is a part of the
 * file, and whoever reads it takes from its start. */
#ifndef DCLS_NN_HEIF_BOXES_H
#define DCLS_NN_HEIF_BOXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const uint8_t *bytes;
    size_t count;
};

struct heif_box {
    uint32_t type;
    struct span content;
};

/* All of them: false where less is left. */
bool span_take(struct span *span, size_t count, struct span *taken);
bool span_number(struct span *span, size_t size, uint64_t *value); /* of up to 8 bytes, the highest first */
bool span_box(struct span *span, struct heif_box *box);

bool heif_type_is(uint32_t type, const char letters[5]);

#endif
