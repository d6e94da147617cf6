/* See heif_items.h. */
#include "heif_items.h"

#include <stdlib.h>
#include <string.h>

/* libheif copies its list of where the items lie for each of them that it reads and each picture that it decodes: of
 * 4,096 items, of two extents each, and as many pictures it took 3 seconds, of twice that 8. */
#define ITEMS_MAX 4096
#define EXTENTS_MAX (2 * ITEMS_MAX)
#define EXTENTS_OF_ONE_MAX 32 /* libheif's */
#define PROPERTIES_MAX 32767  /* more cannot be named */
#define BOXES_MAX 20000       /* in a box, and in the file: libheif's, which has none for the file's own */
#define META_MAX (8 << 20)    /* bytes without `idat`: libheif takes up to 18 times as many for lists of little else */

/* Boxes of which a box has one each. */
struct only_box {
    char type[5];
    struct span content;
    bool there;
};

static struct only_box *find_part(struct only_box *parts, size_t count, uint32_t type)
{
    for (size_t i = 0; i < count; i++)
        if (heif_type_is(type, parts[i].type))
            return &parts[i];
    return NULL;
}

static bool read_parts(struct span span, struct only_box *parts, size_t count)
{
    struct heif_box box;
    for (int boxes = 1; span.count; boxes++) {
        if (boxes > BOXES_MAX || !span_box(&span, &box))
            return false;
        struct only_box *part = find_part(parts, count, box.type);
        if (part && part->there)
            return false;
        if (part) {
            part->content = box.content;
            part->there = true;
        }
    }
    return true;
}

/* Room for one more element; at most `max`. */
static void *grow(void *all, size_t count, size_t max, size_t size)
{
    if (count >= max)
        return NULL;
    if (count & (count - 1)) /* room for the next power of two is there */
        return all;
    return reallocarray(all, count ? 2 * count : 1, size);
}

/* A text that ends with a 0 or with the box. */
static struct span take_text(struct span *span)
{
    const uint8_t *end = span->count ? memchr(span->bytes, 0, span->count) : NULL;
    struct span text = { span->bytes, end ? (size_t)(end - span->bytes) : span->count };
    const size_t taken = text.count + (end ? 1 : 0);
    span->bytes += taken;
    span->count -= taken;
    return text;
}

/* `infe`, whose older versions have no type. */
static bool read_entry(struct span box, struct heif_item *item)
{
    uint64_t version, id, protection, type = 0;
    if (!span_number(&box, 4, &version) || !span_number(&box, version >> 24 > 2 ? 4 : 2, &id) ||
        !span_number(&box, 2, &protection) || (version >> 24 >= 2 && !span_number(&box, 4, &type)))
        return false;
    *item = (struct heif_item){ .id = (uint32_t)id, .type = (uint32_t)type };
    if (heif_type_is(item->type, "mime")) {
        (void)take_text(&box); /* its name, */
        (void)take_text(&box); /* its content's type */
        const struct span encoding = take_text(&box);
        item->packed = encoding.count == strlen("deflate") && !memcmp(encoding.bytes, "deflate", encoding.count);
    }
    return true;
}

static int by_id(const void *a, const void *b)
{
    const struct heif_item *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static bool read_iinf(struct heif_items *items, struct span box)
{
    struct heif_box entry;
    uint64_t version, count;
    if (!span_number(&box, 4, &version) || !span_number(&box, version >> 24 ? 4 : 2, &count))
        return false;
    while (box.count) {
        if (!span_box(&box, &entry))
            return false;
        if (!heif_type_is(entry.type, "infe"))
            continue;
        struct heif_item *all = grow(items->all, items->count, ITEMS_MAX, sizeof(*all));
        if (!all)
            return false;
        items->all = all;
        if (!read_entry(entry.content, &all[items->count]))
            return false;
        items->count++;
    }
    if (items->count)
        qsort(items->all, items->count, sizeof(*items->all), by_id);
    for (size_t i = 1; i < items->count; i++)
        if (items->all[i].id == items->all[i - 1].id)
            return false;
    return true;
}

struct heif_item *heif_items_find(const struct heif_items *items, uint32_t id)
{
    const struct heif_item key = { .id = id };
    return items->count ? bsearch(&key, items->all, items->count, sizeof(key), by_id) : NULL;
}

/* Sizes that libheif passes over as if they were 0, and indices, which it does not know before version 2, would have it
 * read other extents than stand there. */
static bool read_iloc_sizes(struct heif_items *items, struct span *box, uint64_t version)
{
    uint64_t sizes;
    if (!span_number(box, 2, &sizes))
        return false;
    items->offset_size = sizes >> 12;
    items->length_size = sizes >> 8 & 15;
    items->index_size = version ? sizes & 15 : 0;
    items->base_size = sizes >> 4 & 15;
    const size_t all[] = { items->offset_size, items->length_size, items->base_size, items->index_size };
    for (int i = 0; i < 4; i++)
        if (all[i] != 0 && all[i] != 4 && all[i] != 8)
            return false;
    return version != 1 || !items->index_size;
}

/* *left: how many extents the items may still have. */
static bool read_place(struct heif_items *items, struct span *box, uint64_t version, uint64_t *left)
{
    uint64_t id, method = 0, reference, base, count;
    struct span extents;
    if (!span_number(box, version < 2 ? 2 : 4, &id) || (version && !span_number(box, 2, &method)) ||
        !span_number(box, 2, &reference) || !span_number(box, items->base_size, &base) ||
        !span_number(box, 2, &count) || count > EXTENTS_OF_ONE_MAX || count > *left ||
        !span_take(box, (size_t)count * (items->index_size + items->offset_size + items->length_size), &extents))
        return false;
    *left -= count;
    struct heif_item *item = heif_items_find(items, (uint32_t)id);
    if (!item)
        return true;
    if (item->located)
        return false;
    item->located = true;
    item->method = (int)(method & 15);
    item->base = base;
    item->extents = extents;
    return true;
}

/* All of it counts, whether there is such an item or not. */
static bool read_iloc(struct heif_items *items, struct span box)
{
    uint64_t version, count, left = EXTENTS_MAX;
    if (!span_number(&box, 4, &version))
        return false;
    version >>= 24;
    if (version > 2 || !read_iloc_sizes(items, &box, version) || !span_number(&box, version < 2 ? 2 : 4, &count) ||
        count > ITEMS_MAX)
        return false;
    for (; count; count--)
        if (!read_place(items, &box, version, &left))
            return false;
    return true;
}

/* A file may have several of them. An item's is the first entry that names it. *left: how many entries there may still
 * be, of which libheif takes as many as are said to be there, and looks through them for each item. */
static bool read_ipma(struct heif_items *items, struct span box, uint64_t *left)
{
    uint64_t version, count, id, properties;
    if (!span_number(&box, 4, &version) || !span_number(&box, 4, &count) || count > *left)
        return false;
    *left -= count;
    const size_t size = version & 1 ? 2 : 1;
    for (; count && box.count; count--) {
        struct span numbers;
        if (!span_number(&box, version >> 24 ? 4 : 2, &id) || !span_number(&box, 1, &properties) ||
            !span_take(&box, size * (size_t)properties, &numbers))
            return false;
        struct heif_item *item = heif_items_find(items, (uint32_t)id);
        if (!item || item->described)
            continue;
        item->described = true;
        item->properties = numbers;
        item->property_size = size;
    }
    return true;
}

static bool read_ipco(struct heif_items *items, struct span box)
{
    while (box.count) {
        struct heif_box *all = grow(items->properties, items->property_count, PROPERTIES_MAX, sizeof(*all));
        if (!all)
            return false;
        items->properties = all;
        if (!span_box(&box, &all[items->property_count]))
            return false;
        items->property_count++;
    }
    return true;
}

static bool read_iprp(struct heif_items *items, struct span iprp)
{
    struct only_box ipco = { .type = "ipco" };
    struct heif_box box;
    uint64_t left = ITEMS_MAX;
    if (!read_parts(iprp, &ipco, 1) || !read_ipco(items, ipco.content))
        return false;
    while (iprp.count)
        if (!span_box(&iprp, &box) || (heif_type_is(box.type, "ipma") && !read_ipma(items, box.content, &left)))
            return false;
    return true;
}

static bool read_pitm(struct heif_items *items, struct span box)
{
    uint64_t version, id;
    if (!span_number(&box, 4, &version) || !span_number(&box, version >> 24 ? 4 : 2, &id))
        return false;
    items->primary = (uint32_t)id;
    items->has_primary = true;
    return true;
}

static bool read_meta(struct heif_items *items, struct span meta)
{
    enum { PITM, IINF, ILOC, IPRP, IREF, IDAT, PARTS };
    struct only_box parts[PARTS] = { { .type = "pitm" }, { .type = "iinf" }, { .type = "iloc" },
                                     { .type = "iprp" }, { .type = "iref" }, { .type = "idat" } };
    uint64_t version;
    if (!span_number(&meta, 4, &version) || !read_parts(meta, parts, PARTS) ||
        meta.count - parts[IDAT].content.count > META_MAX)
        return false;
    items->references = parts[IREF].content;
    items->idat = parts[IDAT].content;
    return (!parts[PITM].there || read_pitm(items, parts[PITM].content)) &&
           (!parts[IINF].there || read_iinf(items, parts[IINF].content)) &&
           (!parts[ILOC].there || read_iloc(items, parts[ILOC].content)) &&
           (!parts[IPRP].there || read_iprp(items, parts[IPRP].content));
}

/* libheif reads no further, and says nothing, where what follows is no box or is longer than the file: some cameras
 * append what is none. */
static struct span only_boxes(struct span file)
{
    struct span rest = file;
    struct heif_box box;
    size_t count = 0;
    while (rest.count && span_box(&rest, &box))
        count = (size_t)(box.content.bytes + box.content.count - file.bytes);
    return (struct span){ file.bytes, count };
}

int heif_items_read(struct heif_items *items, const uint8_t *bytes, size_t count, struct err *err)
{
    /* Beside `meta` what libheif makes lists of wherever it stands. */
    struct only_box parts[] = { { .type = "meta" }, { .type = "iinf" }, { .type = "iloc" }, { .type = "iprp" },
                                { .type = "ipco" }, { .type = "ipma" }, { .type = "iref" }, { .type = "dinf" },
                                { .type = "dref" }, { .type = "grpl" }, { .type = "hvcC" }, { .type = "vvcC" } };
    const size_t all = sizeof(parts) / sizeof(*parts);
    *items = (struct heif_items){ .file = { bytes, count } };
    bool taken =
        read_parts(only_boxes(items->file), parts, all) && parts[0].there && read_meta(items, parts[0].content);
    for (size_t i = 1; i < all; i++)
        taken &= !parts[i].there;
    if (!taken)
        return err_set(err, "the image ends early or is damaged");
    return 0;
}

void heif_items_release(struct heif_items *items)
{
    free(items->all);
    free(items->properties);
    *items = (struct heif_items){ 0 };
}

bool heif_items_next_extent(const struct heif_items *items, const struct heif_item *item, struct span *rest,
                            struct span *extent, bool *damaged)
{
    const struct span *store = item->method ? &items->idat : &items->file;
    uint64_t index, offset, length;
    *damaged = false;
    if (!rest->count || !span_number(rest, items->index_size, &index) ||
        !span_number(rest, items->offset_size, &offset) || !span_number(rest, items->length_size, &length))
        return false;
    *damaged =
        item->base > store->count || offset > store->count - item->base || length > store->count - item->base - offset;
    if (!*damaged && length)
        *extent = (struct span){ store->bytes + item->base + offset, (size_t)length };
    else
        *extent = (struct span){ items->file.bytes, 0 }; /* there may be no `idat` */
    return !*damaged;
}

const struct heif_box *heif_items_next_property(const struct heif_items *items, const struct heif_item *item,
                                                struct span *rest)
{
    uint64_t number;
    while (rest->count && span_number(rest, item->property_size, &number)) {
        number &= item->property_size == 2 ? 0x7fff : 0x7f; /* without the bit that says whether it is essential */
        if (number >= 1 && number <= items->property_count)
            return &items->properties[number - 1];
    }
    return NULL;
}
