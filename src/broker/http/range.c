/* One range of bytes out of a Range header: see range.h. */
#include "range.h"

#include <stdbool.h>
#include <string.h>

/* Digits into *value (bounded, so that nothing overflows); false where there is none. */
static bool digits(const char **text, int64_t *value)
{
    const char *start = *text;
    *value = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++)
        if (*value < INT64_MAX / 100)
            *value = *value * 10 + (**text - '0');
    return *text > start;
}

enum range range_parse(const char *header, int64_t size, int64_t *from, int64_t *count)
{
    *from = 0;
    *count = size;
    if (!header || strncmp(header, "bytes=", 6))
        return RANGE_WHOLE;
    const char *text = header + 6;
    int64_t first, last;
    bool has_first = digits(&text, &first);
    if (*text++ != '-')
        return RANGE_WHOLE;
    bool has_last = digits(&text, &last);
    if (*text || (!has_first && !has_last) || (has_first && has_last && last < first))
        return RANGE_WHOLE;

    if (!has_first) { /* the last `last` bytes */
        if (last == 0 || size == 0)
            return RANGE_UNSATISFIABLE;
        first = last < size ? size - last : 0;
        last = size - 1;
    } else if (first >= size) {
        return RANGE_UNSATISFIABLE;
    } else if (!has_last || last >= size) {
        last = size - 1;
    }
    *from = first;
    *count = last - first + 1;
    return RANGE_PART;
}
