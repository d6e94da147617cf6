/* The arena: placing what lives at the same time side by side, and the one block under all of it. */
#include <stdint.h>

#include "arena.h"
#include "huge_pages.h"
#include "plan.h"

struct arena *arena_new(void)
{
    return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    memory_free(arena->base, arena->bytes);
    free(arena);
}

int arena_reserve(struct arena *arena, size_t bytes, struct err *err)
{
    if (arena->base && bytes <= arena->bytes)
        return 0;
    /* The old block goes first: both together may not fit. */
    memory_free(arena->base, arena->bytes);
    arena->bytes = 0;
    arena->generation++;
    if (!(arena->base = memory_new(bytes)))
        return err_set(err, "out of memory for %zu MiB", bytes >> 20);
    arena->bytes = bytes;
    return 0;
}

static int larger_first(const void *a, const void *b)
{
    const struct span *x = *(struct span *const *)a, *y = *(struct span *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x < y ? -1 : x > y; /* equal ones in the given order: the same layout in every run */
}

static bool overlap(int start, int end, int other_start, int other_end)
{
    return start <= end && other_start <= other_end && start <= other_end && other_start <= end;
}

static bool needed_between(const struct span *span, int start, int end)
{
    if (!span->gap_end)
        return overlap(span->start, span->end, start, end);
    return overlap(span->start, span->gap_start - 1, start, end) || overlap(span->gap_end + 1, span->end, start, end);
}

static bool meet(const struct span *a, const struct span *b)
{
    if (!a->gap_end)
        return needed_between(b, a->start, a->end);
    return needed_between(b, a->start, a->gap_start - 1) || needed_between(b, a->gap_end + 1, a->end);
}

/* The lowest offset at which the span meets none of the placed ones, which are sorted by offset. */
static size_t first_fit(const struct span *span, struct span *const *placed, int count)
{
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        if (!meet(placed[i], span))
            continue;
        if (placed[i]->offset >= at + span->bytes)
            break;
        size_t end = (placed[i]->offset + placed[i]->bytes + 63) / 64 * 64;
        at = end > at ? end : at;
    }
    return at;
}

size_t arena_layout(struct span *spans, int count)
{
    struct span **order = calloc(2 * (size_t)count + 1, sizeof(struct span *));
    if (!order)
        return SIZE_MAX;
    struct span **placed = order + count;
    for (int i = 0; i < count; i++)
        order[i] = &spans[i];
    qsort(order, (size_t)count, sizeof(struct span *), larger_first);

    size_t total = 0;
    for (int i = 0; i < count; i++) {
        struct span *span = order[i];
        span->offset = first_fit(span, placed, i);
        total = span->offset + span->bytes > total ? span->offset + span->bytes : total;
        int slot = i;
        for (; slot > 0 && placed[slot - 1]->offset > span->offset; slot--)
            placed[slot] = placed[slot - 1];
        placed[slot] = span;
    }
    free(order);
    return total;
}
