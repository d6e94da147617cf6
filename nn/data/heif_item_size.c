/* See heif_item_size.h. */
#include "heif_item_size.h"

#include <stdlib.h>
#include <string.h>

#include "av1_size.h"
#include "hevc_size.h"
#include "image.h"

#define TRANSFORMS_MAX 4 /* of an item: a camera has one of each kind at most */

/* What it takes to decode a picture of this size, where that is more than was known. */
static int add_picture(uint64_t *pixels, int64_t width, int64_t height, struct err *err)
{
    struct coded_size size = { 0 };
    if (image_size_check(width, height, err))
        return -1;
    coded_size_add(&size, 1, (uint64_t)width, (uint64_t)height);
    if (*pixels < size.pixels)
        *pixels = size.pixels;
    return 0;
}

static int damaged(struct err *err)
{
    return err_set(err, "the image ends early or is damaged");
}

/* libheif turns, mirrors and crops as often as it is told to, and goes through all pixels each time. */
static int check_transforms(const struct heif_items *items, const struct heif_item *item, struct err *err)
{
    struct span rest = item->properties;
    const struct heif_box *property;
    int transforms = 0;
    while ((property = heif_items_next_property(items, item, &rest)))
        if (heif_type_is(property->type, "irot") || heif_type_is(property->type, "imir") ||
            heif_type_is(property->type, "clap"))
            transforms++;
    if (transforms > TRANSFORMS_MAX)
        return err_set(err, "an image that is turned, mirrored or cropped %d times is not supported", transforms);
    return 0;
}

static int add_stated(const struct heif_items *items, const struct heif_item *item, uint64_t *pixels, struct err *err)
{
    struct span rest = item->properties;
    const struct heif_box *property;
    while ((property = heif_items_next_property(items, item, &rest))) {
        struct span content = property->content;
        uint64_t version, width, height;
        if (!heif_type_is(property->type, "ispe"))
            continue;
        if (!span_number(&content, 4, &version) || !span_number(&content, 4, &width) ||
            !span_number(&content, 4, &height))
            return damaged(err);
        if (add_picture(pixels, (int64_t)width, (int64_t)height, err))
            return -1;
    }
    return 0;
}

/* What stands in front of the item's extents, and these, in one piece that the caller frees; NULL without memory. */
static uint8_t *join(const struct heif_items *items, const struct heif_item *item, struct span front,
                     struct span *joined, struct err *err)
{
    struct span rest = item->extents, extent;
    size_t count = front.count;
    bool broken;
    while (heif_items_next_extent(items, item, &rest, &extent, &broken))
        count += extent.count;
    uint8_t *bytes = malloc(count + 1), *end = bytes;
    if (!bytes) {
        err_set(err, "no memory for a HEIF image");
        return NULL;
    }
    if (front.count)
        end = mempcpy(end, front.bytes, front.count);
    for (rest = item->extents; heif_items_next_extent(items, item, &rest, &extent, &broken);)
        end = mempcpy(end, extent.bytes, extent.count);
    *joined = (struct span){ bytes, count };
    return bytes;
}

/* Of several properties of a type libheif takes the first. */
static struct span first_property(const struct heif_items *items, const struct heif_item *item, const char type[5])
{
    struct span rest = item->properties;
    const struct heif_box *property;
    while ((property = heif_items_next_property(items, item, &rest)))
        if (heif_type_is(property->type, type))
            return property->content;
    return (struct span){ 0 };
}

static int add_coded(struct heif_item_size *size, const struct coded_size *coded, struct err *err)
{
    size->moved = coded->moved;
    if (!coded->pictures)
        return 0;
    if (image_size_check(coded->width, coded->height, err))
        return -1;
    if (coded->pixels > IMAGE_MAX_PIXELS &&
        coded->pixels > coded_side((uint64_t)coded->width) * coded_side((uint64_t)coded->height))
        return err_set(err, "an image coded as %llu pictures of %lldx%lld pixels is not supported (at most %d in all)",
                       (unsigned long long)coded->pictures, (long long)coded->width, (long long)coded->height,
                       IMAGE_MAX_PIXELS);
    if (size->pixels < coded->pixels)
        size->pixels = coded->pixels;
    size->missing_references = coded->missing_references;
    return 0;
}

static int add_av1(const struct heif_items *items, const struct heif_item *item, struct heif_item_size *size,
                   struct err *err)
{
    struct span head, front = first_property(items, item, "av1C"), stream;
    struct coded_size coded;
    (void)span_take(&front, 4, &head); /* what follows are units of the stream */
    uint8_t *bytes = join(items, item, front, &stream, err);
    if (!bytes)
        return -1;
    int status = 0;
    if (!av1_size(stream, &coded))
        status = damaged(err);
    else
        status = add_coded(size, &coded, err);
    free(bytes);
    return status;
}

static int add_hevc(const struct heif_items *items, const struct heif_item *item, struct heif_item_size *size,
                    struct err *err)
{
    struct span stream;
    struct coded_size coded;
    uint8_t *bytes = join(items, item, (struct span){ 0 }, &stream, err);
    if (!bytes)
        return -1;
    int status = 0;
    if (!hevc_size(first_property(items, item, "hvcC"), stream, &coded))
        status = damaged(err);
    else
        status = add_coded(size, &coded, err);
    free(bytes);
    return status;
}

/* `grid` has its canvas behind four bytes, `iovl` behind a colour of eight bytes as well. */
static int add_canvas(const struct heif_items *items, const struct heif_item *item, uint64_t *pixels, struct err *err)
{
    const size_t before = heif_type_is(item->type, "grid") ? 2 : 8;
    struct span stream, skipped;
    uint64_t version, flags, width, height;
    uint8_t *bytes = join(items, item, (struct span){ 0 }, &stream, err);
    if (!bytes)
        return -1;
    int status = 0;
    if (!span_number(&stream, 1, &version) || !span_number(&stream, 1, &flags) ||
        !span_take(&stream, before, &skipped) || !span_number(&stream, flags & 1 ? 4 : 2, &width) ||
        !span_number(&stream, flags & 1 ? 4 : 2, &height))
        status = damaged(err);
    else
        status = add_picture(pixels, (int64_t)width, (int64_t)height, err);
    free(bytes);
    return status;
}

int heif_item_size(const struct heif_items *items, const struct heif_item *item, struct heif_item_size *size,
                   struct err *err)
{
    *size = (struct heif_item_size){ 0 };
    if (check_transforms(items, item, err) || add_stated(items, item, &size->pixels, err))
        return -1;
    if (heif_type_is(item->type, "av01"))
        return add_av1(items, item, size, err);
    if (heif_type_is(item->type, "hvc1"))
        return add_hevc(items, item, size, err);
    if (heif_type_is(item->type, "grid") || heif_type_is(item->type, "iovl"))
        return add_canvas(items, item, &size->pixels, err);
    return 0;
}
