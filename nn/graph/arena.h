/* One block of memory that several plans use in turn, as large as the largest needs, and where in it things lie. */
#ifndef DCLS_NN_ARENA_H
#define DCLS_NN_ARENA_H

#include <stddef.h>

#include "dcls/base/err.h"

#define ARENA_ALIGNMENT 64 /* of all that lies in one, bytes */

static inline size_t arena_align(size_t bytes)
{
    return (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
}

struct arena {
    char *base; /* 64-byte aligned; NULL until the first reserve */
    size_t bytes;
    unsigned long generation; /* counts the moves: who holds addresses compares it */
};

struct arena *arena_new(void); /* NULL without memory */
void arena_free(struct arena *arena);
/* Makes the arena at least that large. What it held is lost if it moves. */
int arena_reserve(struct arena *arena, size_t bytes, struct err *err);

/* Something that needs `bytes` from time `start` to time `end`, but not from `gap_start` to `gap_end`, which lie
 * between them (gap_end 0: no gap); all included. arena_layout sets `offset`. */
struct live_range {
    size_t bytes, offset;
    int start, end;
    int gap_start, gap_end;
};
/* Gives ranges that live at the same time distinct places, 64-byte aligned. Returns the bytes needed in all, or
 * SIZE_MAX when memory is short. */
size_t arena_layout(struct live_range *ranges, int count);

#endif
