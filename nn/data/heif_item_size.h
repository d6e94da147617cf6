/* How many pixels it takes to decode one item of a HEIF file, without the items that it refers to. */
#ifndef DCLS_NN_HEIF_ITEM_SIZE_H
#define DCLS_NN_HEIF_ITEM_SIZE_H

#include "heif_items.h"

struct heif_item_size {
    uint64_t pixels;
    uint64_t missing_references; /* in memory besides: see coded_size.h, */
    uint64_t moved;              /* and for this too */
};

/* The most of what the item's size is said to be (`ispe`), of its coded stream, and of the canvas of what is put
 * together from other items. Refused: what is larger than an image may be, in one picture or in all of its stream; and
 * what is turned, mirrored or cropped again and again. */
int heif_item_size(const struct heif_items *items, const struct heif_item *item, struct heif_item_size *size,
                   struct err *err);

#endif
