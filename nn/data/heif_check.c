/* The boxes of a HEIF file as far as the references between its items, `meta` and in it `iref`. An item's pixels may be
 * derived from other items' (a grid of tiles, an overlay), or come with another's (its alpha): libheif 1.15 follows
 * such references wherever they lead, and where they lead back it does so until the stack ends. Here a file is refused
 * whose references form a circle, lead deeper than any camera's, or lead to more pictures than the largest photo has
 * tiles; and one whose boxes are not what they say, since libheif might read them otherwise. */
#include "heif_check.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8
#define REFERENCES_MAX 16384
#define PICTURES_MAX 16384

struct reference {
    uint32_t from, to; /* to decode the one item takes to decode the other */
};

struct references {
    struct reference *all;
    size_t count, capacity;
};

/* A part of the file, read from its start. */
struct span {
    const uint8_t *bytes;
    size_t count;
};

static bool take(struct span *span, size_t count, struct span *taken)
{
    if (count > span->count)
        return false;
    *taken = (struct span){ span->bytes, count };
    span->bytes += count;
    span->count -= count;
    return true;
}

/* A number of 2, 4 or 8 bytes. */
static bool number(struct span *span, size_t size, uint64_t *value)
{
    struct span bytes;
    if (!take(span, size, &bytes))
        return false;
    *value = 0;
    for (size_t i = 0; i < size; i++)
        *value = *value << 8 | bytes.bytes[i];
    return true;
}

/* The next box's four letters, and what is in it. */
static bool next_box(struct span *span, uint32_t *type, struct span *content)
{
    uint64_t size, letters;
    size_t head = 8;
    if (!number(span, 4, &size) || !number(span, 4, &letters))
        return false;
    if (size == 1) {
        head = 16;
        if (!number(span, 8, &size))
            return false;
    } else if (size == 0) {
        size = head + span->count; /* to the end */
    }
    *type = (uint32_t)letters;
    return size >= head && size - head <= span->count && take(span, (size_t)(size - head), content);
}

static bool is(uint32_t type, const char letters[5])
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value = value << 8 | (uint8_t)letters[i];
    return type == value;
}

static bool add(struct references *references, uint32_t from, uint32_t to)
{
    if (references->count >= REFERENCES_MAX)
        return false;
    if (references->count == references->capacity) {
        size_t capacity = references->capacity ? 2 * references->capacity : 64;
        struct reference *all = realloc(references->all, capacity * sizeof(*all));
        if (!all)
            return false;
        references->all = all;
        references->capacity = capacity;
    }
    references->all[references->count++] = (struct reference){ from, to };
    return true;
}

/* What libheif reads by the counts in it has to end where the box says that it ends. */
static bool read_references(struct span box, struct references *references)
{
    uint64_t version, from, to, count;
    if (!number(&box, 4, &version))
        return false;
    size_t size = version >> 24 ? 4 : 2; /* of an item's number */
    while (box.count) {
        struct span content, head = box;
        uint64_t length;
        uint32_t type;
        if (!number(&head, 4, &length) || length < 8 || !next_box(&box, &type, &content) ||
            !number(&content, size, &from) || !number(&content, 2, &count))
            return false;
        /* Metadata say what they are about; an auxiliary picture or a thumbnail, what it goes with. */
        bool about = is(type, "cdsc"), back = is(type, "auxl") || is(type, "thmb");
        for (; count; count--)
            if (!number(&content, size, &to) ||
                (!about && !add(references, (uint32_t)(back ? to : from), (uint32_t)(back ? from : to))))
                return false;
        if (content.count)
            return false;
    }
    return true;
}

static bool read_meta(struct span meta, struct references *references)
{
    uint64_t version;
    struct span content;
    uint32_t type;
    if (!number(&meta, 4, &version))
        return false;
    while (meta.count)
        if (!next_box(&meta, &type, &content) || (is(type, "iref") && !read_references(content, references)))
            return false;
    return true;
}

static int by_from(const void *a, const void *b)
{
    const struct reference *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

static size_t first_from(const struct references *references, uint32_t item)
{
    size_t low = 0, high = references->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (references->all[middle].from < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Goes through all that decoding the item takes, as often as it takes it. */
static bool follow(const struct references *references, uint32_t item, int depth, int *pictures)
{
    if (depth > DEPTH_MAX || ++*pictures > PICTURES_MAX)
        return false;
    for (size_t i = first_from(references, item); i < references->count && references->all[i].from == item; i++)
        if (!follow(references, references->all[i].to, depth + 1, pictures))
            return false;
    return true;
}

static int check_references(struct references *references, struct err *err)
{
    int pictures = 0;
    if (references->count)
        qsort(references->all, references->count, sizeof(*references->all), by_from);
    for (size_t i = 0; i < references->count; i++)
        if ((i == 0 || references->all[i].from != references->all[i - 1].from) &&
            !follow(references, references->all[i].from, 0, &pictures))
            return err_set(err, "the image's parts refer to each other in a circle, too deeply or too often");
    return 0;
}

int heif_check(const uint8_t *bytes, size_t count, struct err *err)
{
    struct references references = { 0 };
    struct span file = { bytes, count }, content;
    uint32_t type;
    int status = -1;
    while (file.count)
        if (!next_box(&file, &type, &content) || (is(type, "meta") && !read_meta(content, &references))) {
            err_set(err, "the image ends early or is damaged");
            goto out;
        }
    status = check_references(&references, err);
out:
    free(references.all);
    return status;
}
