/* See span.h. */
#include "span.h"

bool span_take(struct span *span, size_t count, struct span *taken)
{
    if (count > span->count)
        return false;
    *taken = (struct span){ span->bytes, count };
    span->bytes += count;
    span->count -= count;
    return true;
}

bool span_number(struct span *span, size_t size, uint64_t *value)
{
    struct span bytes;
    if (!span_take(span, size, &bytes))
        return false;
    *value = 0;
    for (size_t i = 0; i < size; i++)
        *value = *value << 8 | bytes.bytes[i];
    return true;
}
