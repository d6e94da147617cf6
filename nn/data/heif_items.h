/* The items of a HEIF file (ISO/IEC 23008-12): the pictures, tiles and metadata that its `meta` box lists, where their
 * bytes lie and which properties they have. Where libheif 1.15 would read other items than stand there, or has a choice
 * of two, the file is refused, so that what is checked here is what is decoded there: a box or an item that comes
 * twice, sizes that it does not know. Of two lists of an item's properties both take the first. What libheif refuses
 * itself, such as a property that is not there, may be passed over. Everything points into the file. */
#ifndef DCLS_NN_HEIF_ITEMS_H
#define DCLS_NN_HEIF_ITEMS_H

#include "dcls/base/err.h"
#include "heif_boxes.h"

struct heif_item {
    uint32_t id, type;
    bool packed; /* metadata, deflated */
    int method;  /* of `iloc`: 0 where the bytes lie in the file, 1 in `idat` */
    uint64_t base;
    struct span extents;    /* as `iloc` has them */
    struct span properties; /* their numbers, as `ipma` has them */
    size_t property_size;   /* of such a number, 1 or 2 */
    bool located, described;
};

struct heif_items {
    struct heif_item *all; /* by their ids */
    size_t count;
    uint32_t primary;
    bool has_primary;
    struct heif_box *properties; /* `ipco`, counted from 1 */
    size_t property_count;
    struct span file, idat, references;                     /* the last: `iref` */
    size_t offset_size, length_size, base_size, index_size; /* of the numbers in `iloc` */
};

/* Release it in either case. */
int heif_items_read(struct heif_items *items, const uint8_t *bytes, size_t count, struct err *err);
void heif_items_release(struct heif_items *items);

struct heif_item *heif_items_find(const struct heif_items *items, uint32_t id); /* or NULL */

/* One after the other, from *rest, which begins as the item's `extents` or `properties`. An extent that is not within
 * the file is damaged. */
bool heif_items_next_extent(const struct heif_items *items, const struct heif_item *item, struct span *rest,
                            struct span *extent, bool *damaged);
const struct heif_box *heif_items_next_property(const struct heif_items *items, const struct heif_item *item,
                                                struct span *rest);

#endif
