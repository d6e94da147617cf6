/* The boxes of a HEIF file (ISO/IEC 14496-12, 4.2). */
#ifndef DCLS_NN_HEIF_BOXES_H
#define DCLS_NN_HEIF_BOXES_H

#include "span.h"

struct heif_box {
    uint32_t type;
    struct span content;
};

bool span_box(struct span *span, struct heif_box *box); /* false where it is not whole */

bool heif_type_is(uint32_t type, const char letters[5]);

#endif
