/* See sse.h. */
#include "sse_parser.h"

#include <stdio.h>
#include <string.h>

void sse_parser_init(struct sse_parser *sse_parser)
{
    memset(sse_parser, 0, sizeof *sse_parser);
    buf_init(&sse_parser->line, SSE_MAX);
    buf_init(&sse_parser->data, SSE_MAX);
}

void sse_parser_release(struct sse_parser *sse_parser)
{
    buf_release(&sse_parser->line);
    buf_release(&sse_parser->data);
}

static void begin_event(struct sse_parser *sse_parser)
{
    buf_clear(&sse_parser->data);
    sse_parser->has_data = false;
    sse_parser->type[0] = '\0';
}

void sse_parser_restart(struct sse_parser *sse_parser)
{
    buf_clear(&sse_parser->line);
    begin_event(sse_parser);
    sse_parser->after_cr = false;
    memcpy(sse_parser->id, sse_parser->last_id, sizeof sse_parser->id);
}

static int end_event(struct sse_parser *sse_parser, sse_parser_handler *handler, void *arg)
{
    int result = 0;
    memcpy(sse_parser->last_id, sse_parser->id, sizeof sse_parser->last_id);
    if (sse_parser->has_data)
        result = handler(arg, *sse_parser->type ? sse_parser->type : "message", buf_text(&sse_parser->data),
                         sse_parser->data.len);
    begin_event(sse_parser);
    return result;
}

static int take_field(struct sse_parser *sse_parser, const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size);
    size_t name = colon ? (size_t)(colon - line) : size;
    const char *value = colon ? colon + 1 : line + size;
    if (colon && value < line + size && *value == ' ')
        value++;
    size_t count = (size_t)(line + size - value);

    if (name == 4 && !memcmp(line, "data", 4)) {
        if (sse_parser->has_data && buf_append(&sse_parser->data, "\n", 1))
            return -1;
        sse_parser->has_data = true;
        return buf_append(&sse_parser->data, value, count);
    }
    if (name == 5 && !memcmp(line, "event", 5) && count < sizeof sse_parser->type)
        snprintf(sse_parser->type, sizeof sse_parser->type, "%s", value);
    /* An id that cannot be kept or sent back whole is as good as none. */
    if (name == 2 && !memcmp(line, "id", 2) && count < sizeof sse_parser->id && !memchr(value, '\0', count))
        snprintf(sse_parser->id, sizeof sse_parser->id, "%s", value);
    return 0;
}

static int end_line(struct sse_parser *sse_parser, sse_parser_handler *handler, void *arg)
{
    int result = 0;
    if (sse_parser->line.len == 0)
        result = end_event(sse_parser, handler, arg);
    else if (sse_parser->line.data[0] != ':')
        result = take_field(sse_parser, sse_parser->line.data, sse_parser->line.len);
    buf_clear(&sse_parser->line);
    return result;
}

int sse_parser_feed(struct sse_parser *sse_parser, const char *bytes, size_t count, sse_parser_handler *handler,
                    void *arg)
{
    while (count > 0) {
        /* A line ends by CR, LF or both: the LF of a CR LF may come with the next piece. */
        if (sse_parser->after_cr && *bytes == '\n') {
            bytes++;
            count--;
            sse_parser->after_cr = false;
            continue;
        }
        sse_parser->after_cr = false;
        size_t size = 0;
        while (size < count && bytes[size] != '\n' && bytes[size] != '\r')
            size++;
        if (buf_append(&sse_parser->line, bytes, size))
            return -1;
        if (size == count)
            return 0;
        sse_parser->after_cr = bytes[size] == '\r';
        bytes += size + 1;
        count -= size + 1;
        int result = end_line(sse_parser, handler, arg);
        if (result != 0)
            return result;
    }
    return 0;
}
