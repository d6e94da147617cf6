/* The arena: placing what lives at the same time side by side, and the one block under all of it. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "arena.h"
#include "huge_pages.h"

struct arena *arena_new(void)
{
    return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    huge_pages_free(arena->base, arena->bytes);
    free(arena);
}

int arena_reserve(struct arena *arena, size_t bytes, struct err *err)
{
    if (arena->base && bytes <= arena->bytes)
        return 0;
    /* The old block goes first: both together may not fit. */
    huge_pages_free(arena->base, arena->bytes);
    arena->bytes = 0;
    arena->generation++;
    if (!(arena->base = huge_pages_alloc(bytes)))
        return err_set(err, "out of memory for %zu MiB", bytes >> 20);
    arena->bytes = bytes;
    return 0;
}

static int larger_first(const void *a, const void *b)
{
    const struct live_range *x = *(struct live_range *const *)a, *y = *(struct live_range *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x < y ? -1 : x > y; /* equal ones in the given order: the same layout in every run */
}

static bool overlap(int start, int end, int other_start, int other_end)
{
    return start <= end && other_start <= other_end && start <= other_end && other_start <= end;
}

static bool needed_between(const struct live_range *range, int start, int end)
{
    if (!range->gap_end)
        return overlap(range->start, range->end, start, end);
    return overlap(range->start, range->gap_start - 1, start, end) ||
           overlap(range->gap_end + 1, range->end, start, end);
}

static bool meet(const struct live_range *a, const struct live_range *b)
{
    if (!a->gap_end)
        return needed_between(b, a->start, a->end);
    return needed_between(b, a->start, a->gap_start - 1) || needed_between(b, a->gap_end + 1, a->end);
}

/* The lowest offset at which the range meets none of the placed ones, which are sorted by offset. */
static size_t first_fit(const struct live_range *range, struct live_range *const *placed, int count)
{
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        if (!meet(placed[i], range))
            continue;
        if (placed[i]->offset >= at + range->bytes)
            break;
        size_t end = arena_align(placed[i]->offset + placed[i]->bytes);
        at = end > at ? end : at;
    }
    return at;
}

size_t arena_layout(struct live_range *ranges, int count)
{
    struct live_range **order = calloc(2 * (size_t)count + 1, sizeof(struct live_range *));
    if (!order)
        return SIZE_MAX;
    struct live_range **placed = order + count;
    for (int i = 0; i < count; i++)
        order[i] = &ranges[i];
    qsort(order, (size_t)count, sizeof(struct live_range *), larger_first);

    size_t total = 0;
    for (int i = 0; i < count; i++) {
        struct live_range *range = order[i];
        range->offset = first_fit(range, placed, i);
        total = range->offset + range->bytes > total ? range->offset + range->bytes : total;
        int slot = i;
        for (; slot > 0 && placed[slot - 1]->offset > range->offset; slot--)
            placed[slot] = placed[slot - 1];
        placed[slot] = range;
    }
    free(order);
    return total;
}
