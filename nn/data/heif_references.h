/* The references between the items of a HEIF file (`iref`), as far as libheif decodes the one item for the other: what
 * it is made of (`dimg`) and what goes with it (`auxl`), of which it decodes the alpha. */
#ifndef DCLS_NN_HEIF_REFERENCES_H
#define DCLS_NN_HEIF_REFERENCES_H

#include "heif_boxes.h"

struct heif_reference {
    uint32_t from, to; /* to decode the one item takes to decode the other */
    bool derived;      /* the one is made of the other */
};

struct heif_references {
    struct heif_reference *all; /* by `from` */
    size_t count, capacity;
};

/* False where the box is damaged or has too many. Release it in either case. */
bool heif_references_read(struct heif_references *references, struct span box);
void heif_references_release(struct heif_references *references);

/* The first of the item's, or where it would stand. */
size_t heif_references_of(const struct heif_references *references, uint32_t item);

#endif
