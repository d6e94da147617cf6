/* What libheif must not be given. An item's pixels may be derived from other items' (a grid of tiles, an overlay), or
 * come with another's (its alpha): libheif 1.15 follows such references wherever they lead, and where they lead back it
 * does so until the stack ends. It copies each item's bytes, however many items name the same, and unpacks metadata
 * without a limit. And it leaves it to its decoders how large a coded picture may be, which leave it to the stream:
 * dav1d takes gigabytes for a few bytes that say 32768 x 32768, whatever the file around them says. Here a file is
 * refused whose references form a circle, lead deeper than any camera's, or lead to more pictures, pixels or bytes than
 * the largest photo has; and one whose boxes are not what they say, since libheif might read them otherwise. */
#include "heif_check.h"

#include <string.h>

#include "heif_item_size.h"
#include "heif_items.h"
#include "heif_references.h"
#include "image.h"

#define DEPTH_MAX 8
#define PICTURES_MAX 4096                     /* the largest photo has some 700 tiles */
#define PIXELS_MAX (4ull * IMAGE_MAX_PIXELS)  /* in all: a canvas and its tiles, and alpha of as many */
#define AT_ONCE_MAX (2ull * IMAGE_MAX_PIXELS) /* a canvas and its alpha */
#define MOVED_MAX (1ull << 34)                /* bytes: some seconds */
#define AUXILIARY_MAX 65536                   /* bytes: cameras describe it in some 100 */
#define BYTES_MAX(count) (4ull * (count) + (16 << 20))

struct check {
    struct heif_items items;
    struct heif_references references;
    struct heif_cost cost;
    uint64_t bytes; /* of the items that are decoded */
    uint64_t moved; /* of these, see coded_size.h */
};

/* Goes through all that decoding the item takes, as often as it takes it. */
static bool follow(const struct heif_references *references, uint32_t item, int depth, int *pictures)
{
    if (depth > DEPTH_MAX || ++*pictures > PICTURES_MAX)
        return false;
    for (size_t i = heif_references_of(references, item); i < references->count && references->all[i].from == item; i++)
        if (!follow(references, references->all[i].to, depth + 1, pictures))
            return false;
    return true;
}

static int check_references(const struct heif_references *references, struct err *err)
{
    int pictures = 0;
    for (size_t i = 0; i < references->count; i++)
        if ((i == 0 || references->all[i].from != references->all[i - 1].from) &&
            !follow(references, references->all[i].from, 0, &pictures))
            return err_set(err, "the image's parts refer to each other in a circle, too deeply or too often");
    return 0;
}

/* Its extents, and what its decoder is told before them. */
static int item_bytes(const struct heif_items *items, const struct heif_item *item, uint64_t *bytes, struct err *err)
{
    struct span rest = item->extents, extent;
    const struct heif_box *property;
    bool damaged;
    *bytes = 0;
    while (heif_items_next_extent(items, item, &rest, &extent, &damaged))
        *bytes += extent.count;
    if (damaged)
        return err_set(err, "the image ends early or is damaged");
    rest = item->properties;
    while ((property = heif_items_next_property(items, item, &rest)))
        if (heif_type_is(property->type, "av1C") || heif_type_is(property->type, "hvcC"))
            *bytes += property->content.count;
    return 0;
}

static int add_bytes(const struct check *check, uint64_t *sum, uint64_t bytes, struct err *err)
{
    *sum += bytes;
    if (*sum > BYTES_MAX(check->items.file.count))
        return err_set(err, "the image's parts share too many of its bytes");
    return 0;
}

/* libheif copies what an auxiliary picture is described by (`auxC`) for each reference that it has. */
static int check_properties(const struct heif_items *items, struct err *err)
{
    for (size_t i = 0; i < items->property_count; i++)
        if (heif_type_is(items->properties[i].type, "auxC") && items->properties[i].content.count > AUXILIARY_MAX)
            return err_set(err, "an image whose auxiliary picture is described in %zu bytes is not supported",
                           items->properties[i].content.count);
    return 0;
}

/* libheif reads all of them, whether it decodes them or not. */
static int check_items(const struct check *check, struct err *err)
{
    uint64_t sum = 0, bytes;
    for (size_t i = 0; i < check->items.count; i++) {
        const struct heif_item *item = &check->items.all[i];
        if (item->method > 1)
            return err_set(err,
                           "an image whose parts lie in parts of it (item construction method %d) is not supported",
                           item->method);
        if (item->packed)
            return err_set(err, "an image with compressed metadata is not supported");
        if (item_bytes(&check->items, item, &bytes, err) || add_bytes(check, &sum, bytes, err))
            return -1;
    }
    return 0;
}

/* Of those whose size is known here. Later versions of libheif decode others. */
static bool is_picture(const struct heif_item *item)
{
    static const char *const types[] = { "av01", "hvc1", "grid", "iden", "iovl" };
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (heif_type_is(item->type, types[i]))
            return true;
    return false;
}

static bool is_alpha(const struct heif_items *items, const struct heif_item *item)
{
    static const char *const types[] = { "urn:mpeg:avc:2015:auxid:1", "urn:mpeg:hevc:2015:auxid:1",
                                         "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha" };
    struct span rest = item->properties;
    const struct heif_box *property;
    while ((property = heif_items_next_property(items, item, &rest))) {
        struct span content = property->content;
        uint64_t version;
        if (!heif_type_is(property->type, "auxC") || !span_number(&content, 4, &version))
            continue;
        for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
            if (content.count > strlen(types[i]) && !memcmp(content.bytes, types[i], strlen(types[i]) + 1))
                return true;
    }
    return false;
}

/* libheif ends the process where a picture is made of what is none. What its alpha is coded with, later versions may
 * decode. */
static int check_target(const struct check *check, const struct heif_reference *reference, struct err *err)
{
    const struct heif_item *item = heif_items_find(&check->items, reference->to);
    const bool decoded = reference->derived || (item && is_alpha(&check->items, item));
    if (decoded && (!item || !is_picture(item)))
        return err_set(err, "the image is made of a part that is no image");
    return 0;
}

/* Like `follow`, which has made sure that it ends. */
static int add_cost(struct check *check, uint32_t id, uint64_t *at_once, struct err *err)
{
    const struct heif_item *item = heif_items_find(&check->items, id);
    const struct heif_references *references = &check->references;
    struct heif_item_size size;
    uint64_t bytes, largest = 0, part;
    *at_once = 0;
    if (!item)
        return 0;
    if (item_bytes(&check->items, item, &bytes, err) || add_bytes(check, &check->bytes, bytes, err) ||
        heif_item_size(&check->items, item, &size, err))
        return -1;
    check->cost.av1 |= heif_type_is(item->type, "av01");
    check->moved += size.moved;
    if (check->moved > MOVED_MAX)
        return err_set(err, "an image whose coded bytes have too many escapes is not supported");
    for (size_t i = heif_references_of(references, id); i < references->count && references->all[i].from == id; i++) {
        if (check_target(check, &references->all[i], err) || add_cost(check, references->all[i].to, &part, err))
            return -1;
        if (largest < part)
            largest = part;
    }
    if (heif_type_is(item->type, "iden") && size.pixels < largest)
        size.pixels = largest; /* it is what it is made of, whatever size it says */
    check->cost.in_all += size.pixels;
    if (check->cost.in_all > PIXELS_MAX)
        return err_set(err, "an image whose parts have more than %llu pixels in all is not supported", PIXELS_MAX);
    *at_once = size.pixels + size.missing_references + largest;
    if (*at_once > AT_ONCE_MAX)
        return err_set(err, "an image that takes room for more than %llu pixels is not supported", AT_ONCE_MAX);
    return 0;
}

static int check_all(struct check *check, const uint8_t *bytes, size_t count, struct err *err)
{
    if (heif_items_read(&check->items, bytes, count, err))
        return -1;
    if (check->items.references.count && !heif_references_read(&check->references, check->items.references))
        return err_set(err, "the image ends early or is damaged");
    if (check_references(&check->references, err) || check_properties(&check->items, err) || check_items(check, err))
        return -1;
    const struct heif_item *primary =
        check->items.has_primary ? heif_items_find(&check->items, check->items.primary) : NULL;
    if (!primary)
        return 0; /* libheif says so */
    if (!is_picture(primary))
        return err_set(err, "a HEIF image that is coded by neither HEVC nor AV1 is not supported");
    return add_cost(check, check->items.primary, &check->cost.at_once, err);
}

int heif_check(const uint8_t *bytes, size_t count, struct heif_cost *cost, struct err *err)
{
    struct check check = { 0 };
    const int status = check_all(&check, bytes, count, err);
    *cost = check.cost;
    heif_references_release(&check.references);
    heif_items_release(&check.items);
    return status;
}
