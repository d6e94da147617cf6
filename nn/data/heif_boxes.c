/* See heif_boxes.h. */
#include "heif_boxes.h"

bool span_box(struct span *span, struct heif_box *box)
{
    uint64_t size, letters;
    size_t head = 8;
    if (!span_number(span, 4, &size) || !span_number(span, 4, &letters))
        return false;
    if (size == 1) {
        head = 16;
        if (!span_number(span, 8, &size))
            return false;
    } else if (size == 0) {
        size = head + span->count; /* to the end */
    }
    box->type = (uint32_t)letters;
    return size >= head && size - head <= span->count && span_take(span, (size_t)(size - head), &box->content);
}

bool heif_type_is(uint32_t type, const char letters[5])
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value = value << 8 | (uint8_t)letters[i];
    return type == value;
}
