/* HEIF files made box by box, for tests. */
#ifndef TESTS_HEIF_FILE_H
#define TESTS_HEIF_FILE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "nn/data/heif_boxes.h"

struct made {
    uint8_t *bytes;
    size_t count, capacity;
};

static inline void made_bytes(struct made *made, const void *bytes, size_t count)
{
    if (made->count + count > made->capacity) {
        made->capacity = 2 * (made->count + count);
        made->bytes = realloc(made->bytes, made->capacity);
        assert_non_null(made->bytes);
    }
    if (count)
        memcpy(made->bytes + made->count, bytes, count);
    made->count += count;
}

static inline void made_number(struct made *made, int size, uint64_t value)
{
    for (int i = size - 1; i >= 0; i--)
        made_bytes(made, (const uint8_t[]){ (uint8_t)(value >> 8 * i) }, 1);
}

/* A box's beginning; what is written until made_close is in it. */
static inline size_t made_open(struct made *made, const char *type)
{
    const size_t at = made->count;
    made_number(made, 4, 0);
    made_bytes(made, type, 4);
    return at;
}

static inline void made_close(struct made *made, size_t at)
{
    const size_t size = made->count - at;
    for (int i = 0; i < 4; i++)
        made->bytes[at + (size_t)i] = (uint8_t)(size >> (24 - 8 * i));
}

static inline void made_box(struct made *made, const char *type, const void *content, size_t count)
{
    const size_t at = made_open(made, type);
    made_bytes(made, content, count);
    made_close(made, at);
}

/* What is written into `ipco` with it is property 1, 2, ... */
static inline void made_ispe(struct made *made, uint32_t width, uint32_t height)
{
    const size_t at = made_open(made, "ispe");
    made_number(made, 4, 0);
    made_number(made, 4, width);
    made_number(made, 4, height);
    made_close(made, at);
}

static inline void made_reference(struct made *made, const char *type, uint32_t from, uint32_t to, int times)
{
    const size_t at = made_open(made, type);
    made_number(made, 2, from);
    made_number(made, 2, (uint64_t)times);
    for (int i = 0; i < times; i++)
        made_number(made, 2, to);
    made_close(made, at);
}

struct made_item {
    uint32_t id;
    const char *type;
    const void *data;
    size_t count;
    int properties[8]; /* up to a 0 */
    int extents;       /* 0: one; more name the same bytes again and again, or, where `cut`, are parts of them */
    bool cut;
    const char *encoding; /* of metadata */
};

struct made_file {
    const struct made_item *items; /* the first is the one that is shown */
    size_t count;
    struct made properties, references; /* what `ipco` and `iref` hold */
    const char *twice;                  /* a box, or "item in " and a box: it comes twice */
    bool without_idat, without_meta;
    struct made in_meta; /* boxes behind its others */
    const char *behind;  /* the last box: bytes */
    size_t behind_count;
    uint32_t method, iloc_version, iloc_sizes, beyond, infe_version, iref_version;
    uint32_t foreign, foreign_extents; /* entries of `iloc` for item 60000, and how many empty extents each has */
    uint32_t foreign_described;        /* the same of `ipma`, without properties */
};

static inline bool made_twice(const struct made_file *file, const char *what)
{
    return file->twice && !strcmp(file->twice, what);
}

static inline void made_iinf(struct made *made, const struct made_file *file)
{
    const size_t at = made_open(made, "iinf");
    made_number(made, 4, 0);
    made_number(made, 2, file->count);
    for (size_t i = 0; i < file->count; i++)
        for (int k = 0; k < 1 + (i == 0 && made_twice(file, "item in iinf")); k++) {
            const size_t entry = made_open(made, "infe");
            made_number(made, 4, (file->infe_version ? file->infe_version : 2) << 24);
            made_number(made, file->infe_version == 3 ? 4 : 2, file->items[i].id);
            made_number(made, 2, 0);
            made_bytes(made, file->items[i].type, 4);
            made_bytes(made, "a name", 7);
            if (file->items[i].encoding) {
                made_bytes(made, "a type", 7);
                made_bytes(made, file->items[i].encoding, strlen(file->items[i].encoding) + 1);
            }
            made_close(made, entry);
        }
    made_close(made, at);
}

/* `data`: where the items' bytes begin. */
static inline void made_iloc(struct made *made, const struct made_file *file, size_t data)
{
    const size_t at = made_open(made, "iloc");
    made_number(made, 4, (file->iloc_version ? file->iloc_version : 1) << 24);
    made_number(made, 2, file->iloc_sizes ? file->iloc_sizes : 0x4400);
    made_number(made, file->iloc_version == 2 ? 4 : 2, file->count + file->foreign);
    for (size_t i = 0; i < file->count; i++) {
        const struct made_item *item = &file->items[i];
        const int extents = item->extents ? item->extents : 1;
        for (int k = 0; k < 1 + (i == 0 && made_twice(file, "item in iloc")); k++) {
            made_number(made, file->iloc_version == 2 ? 4 : 2, item->id);
            made_number(made, 2, file->method);
            made_number(made, 2, 0);
            made_number(made, 2, (uint64_t)extents);
            for (int e = 0; e < extents; e++) {
                const size_t from = item->cut ? item->count * (size_t)e / (size_t)extents : 0;
                const size_t to = item->cut ? item->count * (size_t)(e + 1) / (size_t)extents : item->count;
                made_number(made, file->iloc_sizes & 15 ? 4 : 0, 0); /* an index */
                made_number(made, 4, data + from + file->beyond);
                made_number(made, 4, to - from);
            }
        }
        data += item->count;
    }
    for (uint32_t i = 0; i < file->foreign; i++) {
        made_number(made, file->iloc_version == 2 ? 4 : 2, 60000);
        made_number(made, 4, 0);
        made_number(made, 2, file->foreign_extents);
        for (uint32_t e = 0; e < file->foreign_extents; e++)
            made_number(made, 8, 0);
    }
    made_close(made, at);
}

static inline void made_ipma(struct made *made, const struct made_file *file, size_t from, size_t count)
{
    const size_t at = made_open(made, "ipma");
    made_number(made, 4, 0);
    made_number(made, 4, count);
    for (size_t i = from; i < from + count; i++) {
        const int *properties = file->items[i].properties;
        made_number(made, 2, file->items[i].id);
        int all = 0;
        while (all < 8 && properties[all])
            all++;
        made_number(made, 1, (uint64_t)all);
        for (int k = 0; k < all; k++)
            made_number(made, 1, 0x80 | (uint64_t)properties[k]);
    }
    made_close(made, at);
}

static inline void made_iprp(struct made *made, const struct made_file *file)
{
    const size_t at = made_open(made, "iprp");
    for (int k = 0; k < 1 + made_twice(file, "ipco"); k++)
        made_box(made, "ipco", file->properties.bytes, file->properties.count);
    made_ipma(made, file, 0, 1);
    made_ipma(made, file, 1, file->count - 1);
    if (file->foreign_described) {
        const size_t ipma = made_open(made, "ipma");
        made_number(made, 4, 0);
        made_number(made, 4, file->foreign_described);
        for (uint32_t i = 0; i < file->foreign_described; i++)
            made_number(made, 3, 60000 << 8);
        made_close(made, ipma);
    }
    made_close(made, at);
}

static inline void made_meta(struct made *made, const struct made_file *file, size_t data)
{
    const size_t at = made_open(made, "meta");
    made_number(made, 4, 0);
    for (int k = 0; k < 1 + made_twice(file, "pitm"); k++) {
        const size_t pitm = made_open(made, "pitm");
        made_number(made, 4, 0);
        made_number(made, 2, file->items[0].id);
        made_close(made, pitm);
    }
    for (int k = 0; k < 1 + made_twice(file, "iinf"); k++)
        made_iinf(made, file);
    for (int k = 0; k < 1 + made_twice(file, "iprp"); k++)
        made_iprp(made, file);
    for (int k = 0; k < 1 + made_twice(file, "iref"); k++) {
        const size_t iref = made_open(made, "iref");
        made_number(made, 4, file->iref_version << 24);
        made_bytes(made, file->references.bytes, file->references.count);
        made_close(made, iref);
    }
    for (int k = 0; k < !file->without_idat + made_twice(file, "idat"); k++)
        made_box(made, "idat", "12345678", 8);
    for (int k = 0; k < 1 + made_twice(file, "iloc"); k++)
        made_iloc(made, file, file->method == 1 ? 0 : data);
    made_bytes(made, file->in_meta.bytes, file->in_meta.count);
    made_close(made, at);
}

/* The file, which the caller frees; what it was made of is freed. */
static inline struct made made_all(struct made_file *file)
{
    struct made made = { .count = 0 };
    made_box(&made, "ftyp", "mif1\0\0\0\0mif1avif", 16);
    const size_t mdat = made_open(&made, "mdat"), data = made.count;
    for (size_t i = 0; i < file->count; i++)
        made_bytes(&made, file->items[i].data, file->items[i].count);
    made_close(&made, mdat);
    for (int k = 0; k < !file->without_meta + made_twice(file, "meta"); k++)
        made_meta(&made, file, data);
    made_bytes(&made, file->behind, file->behind_count);
    free(file->properties.bytes);
    free(file->in_meta.bytes);
    free(file->references.bytes);
    return made;
}

#endif
