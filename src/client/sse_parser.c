/* See sse.h. */
#include "sse_parser.h"

#include <stdio.h>
#include <string.h>

void sse_init(struct sse *sse)
{
    memset(sse, 0, sizeof *sse);
    buf_init(&sse->line, SSE_MAX);
    buf_init(&sse->data, SSE_MAX);
}

void sse_release(struct sse *sse)
{
    buf_release(&sse->line);
    buf_release(&sse->data);
}

static void begin_event(struct sse *sse)
{
    buf_clear(&sse->data);
    sse->has_data = false;
    sse->type[0] = '\0';
}

void sse_restart(struct sse *sse)
{
    buf_clear(&sse->line);
    begin_event(sse);
    sse->after_cr = false;
    memcpy(sse->id, sse->last_id, sizeof sse->id);
}

static int end_event(struct sse *sse, sse_handler *handler, void *arg)
{
    int result = 0;
    memcpy(sse->last_id, sse->id, sizeof sse->last_id);
    if (sse->has_data)
        result = handler(arg, *sse->type ? sse->type : "message", buf_text(&sse->data), sse->data.len);
    begin_event(sse);
    return result;
}

static int take_field(struct sse *sse, const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size);
    size_t name = colon ? (size_t)(colon - line) : size;
    const char *value = colon ? colon + 1 : line + size;
    if (colon && value < line + size && *value == ' ')
        value++;
    size_t count = (size_t)(line + size - value);

    if (name == 4 && memcmp(line, "data", 4) == 0) {
        if (sse->has_data && buf_append(&sse->data, "\n", 1) < 0)
            return -1;
        sse->has_data = true;
        return buf_append(&sse->data, value, count);
    }
    if (name == 5 && memcmp(line, "event", 5) == 0 && count < sizeof sse->type)
        snprintf(sse->type, sizeof sse->type, "%s", value);
    /* An id that cannot be kept or sent back whole is as good as none. */
    if (name == 2 && memcmp(line, "id", 2) == 0 && count < sizeof sse->id && memchr(value, '\0', count) == NULL)
        snprintf(sse->id, sizeof sse->id, "%s", value);
    return 0;
}

static int end_line(struct sse *sse, sse_handler *handler, void *arg)
{
    int result = 0;
    if (sse->line.len == 0)
        result = end_event(sse, handler, arg);
    else if (sse->line.data[0] != ':')
        result = take_field(sse, sse->line.data, sse->line.len);
    buf_clear(&sse->line);
    return result;
}

int sse_feed(struct sse *sse, const char *bytes, size_t count, sse_handler *handler, void *arg)
{
    while (count > 0) {
        /* A line ends by CR, LF or both: the LF of a CR LF may come with the next piece. */
        if (sse->after_cr && *bytes == '\n') {
            bytes++;
            count--;
            sse->after_cr = false;
            continue;
        }
        sse->after_cr = false;
        size_t size = 0;
        while (size < count && bytes[size] != '\n' && bytes[size] != '\r')
            size++;
        if (buf_append(&sse->line, bytes, size) < 0)
            return -1;
        if (size == count)
            return 0;
        sse->after_cr = bytes[size] == '\r';
        bytes += size + 1;
        count -= size + 1;
        int result = end_line(sse, handler, arg);
        if (result != 0)
            return result;
    }
    return 0;
}
