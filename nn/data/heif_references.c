/* See heif_references.h. */
#include "heif_references.h"

#include <stdlib.h>

/* libheif goes through all of them for each item, twice. */
#define REFERENCES_MAX 16384

static bool add(struct heif_references *references, struct heif_reference reference)
{
    if (references->count == references->capacity) {
        size_t capacity = references->capacity ? 2 * references->capacity : 64;
        struct heif_reference *all = realloc(references->all, capacity * sizeof(*all));
        if (!all)
            return false;
        references->all = all;
        references->capacity = capacity;
    }
    references->all[references->count++] = reference;
    return true;
}

/* Whatever their type is, a box counts, and each item that it names. *left: how many there may still be.
 * What libheif reads by the counts in it has to end where the box says that it ends; and a `uuid` has another 16 bytes
 * before the numbers for libheif. */
static bool read_one(struct heif_references *references, struct span *box, size_t size, uint64_t *left)
{
    struct heif_box reference;
    struct span head = *box;
    uint64_t length, from, to, count;
    if (!span_number(&head, 4, &length) || length < 8 || !span_box(box, &reference) ||
        heif_type_is(reference.type, "uuid") || !span_number(&reference.content, size, &from) ||
        !span_number(&reference.content, 2, &count) || count + 1 > *left)
        return false;
    *left -= count + 1;
    const bool derived = heif_type_is(reference.type, "dimg");
    const bool auxiliary = heif_type_is(reference.type, "auxl"); /* says what it goes with */
    for (; count; count--) {
        if (!span_number(&reference.content, size, &to))
            return false;
        const struct heif_reference one = { (uint32_t)(auxiliary ? to : from), (uint32_t)(auxiliary ? from : to),
                                            derived };
        if ((derived || auxiliary) && !add(references, one))
            return false;
    }
    return !reference.content.count;
}

static int by_from(const void *a, const void *b)
{
    const struct heif_reference *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

bool heif_references_read(struct heif_references *references, struct span box)
{
    uint64_t version, left = REFERENCES_MAX;
    *references = (struct heif_references){ 0 };
    if (!span_number(&box, 4, &version))
        return false;
    while (box.count)
        if (!read_one(references, &box, version >> 24 ? 4 : 2, &left)) /* an item's number's size */
            return false;
    if (references->count)
        qsort(references->all, references->count, sizeof(*references->all), by_from);
    return true;
}

void heif_references_release(struct heif_references *references)
{
    free(references->all);
    *references = (struct heif_references){ 0 };
}

size_t heif_references_of(const struct heif_references *references, uint32_t item)
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
