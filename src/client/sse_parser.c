/* See sse_parser.h. */
#include "sse_parser.h"

#include <stdio.h>
#include <string.h>

void sse_parser_init(struct sse_parser *parser)
{
    memset(parser, 0, sizeof *parser);
    buf_init(&parser->line, SSE_MAX);
    buf_init(&parser->data, SSE_MAX);
}

void sse_parser_release(struct sse_parser *parser)
{
    buf_release(&parser->line);
    buf_release(&parser->data);
}

static void begin_event(struct sse_parser *parser)
{
    buf_clear(&parser->data);
    parser->has_data = false;
    parser->type[0] = '\0';
}

void sse_parser_restart(struct sse_parser *parser)
{
    buf_clear(&parser->line);
    begin_event(parser);
    parser->after_cr = false;
    memcpy(parser->id, parser->last_id, sizeof parser->id);
}

static int end_event(struct sse_parser *parser, sse_parser_handler *handler, void *arg)
{
    int result = 0;
    memcpy(parser->last_id, parser->id, sizeof parser->last_id);
    if (parser->has_data)
        result = handler(arg, *parser->type ? parser->type : "message", buf_text(&parser->data), parser->data.len);
    begin_event(parser);
    return result;
}

static int take_field(struct sse_parser *parser, const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size);
    size_t name = colon ? (size_t)(colon - line) : size;
    const char *value = colon ? colon + 1 : line + size;
    if (colon && value < line + size && *value == ' ')
        value++;
    size_t count = (size_t)(line + size - value);

    if (name == 4 && !memcmp(line, "data", 4)) {
        if (parser->has_data && buf_append(&parser->data, "\n", 1))
            return -1;
        parser->has_data = true;
        return buf_append(&parser->data, value, count);
    }
    if (name == 5 && !memcmp(line, "event", 5) && count < sizeof parser->type)
        snprintf(parser->type, sizeof parser->type, "%s", value);
    /* An id that cannot be kept or sent back whole is as good as none. */
    if (name == 2 && !memcmp(line, "id", 2) && count < sizeof parser->id && !memchr(value, '\0', count))
        snprintf(parser->id, sizeof parser->id, "%s", value);
    return 0;
}

static int end_line(struct sse_parser *parser, sse_parser_handler *handler, void *arg)
{
    int result = 0;
    if (parser->line.len == 0)
        result = end_event(parser, handler, arg);
    else if (parser->line.data[0] != ':')
        result = take_field(parser, parser->line.data, parser->line.len);
    buf_clear(&parser->line);
    return result;
}

int sse_parser_feed(struct sse_parser *parser, const char *bytes, size_t count, sse_parser_handler *handler, void *arg)
{
    while (count > 0) {
        /* A line ends by CR, LF or both: the LF of a CR LF may come with the next piece. */
        if (parser->after_cr && *bytes == '\n') {
            bytes++;
            count--;
            parser->after_cr = false;
            continue;
        }
        parser->after_cr = false;
        size_t size = 0;
        while (size < count && bytes[size] != '\n' && bytes[size] != '\r')
            size++;
        if (buf_append(&parser->line, bytes, size))
            return -1;
        if (size == count)
            return 0;
        parser->after_cr = bytes[size] == '\r';
        bytes += size + 1;
        count -= size + 1;
        int result = end_line(parser, handler, arg);
        if (result != 0)
            return result;
    }
    return 0;
}
