/* Server-sent events (WHATWG HTML, section 9.2) out of a byte stream, however it is cut.
 *
 * Pure: feed what was read; each whole event is given to the handler. Comments and unknown fields are passed over. The
 * id to resume from is that of the last event handled, so that one which broke off half-way comes again. */
#ifndef DCLS_CLIENT_SSE_PARSER_H
#define DCLS_CLIENT_SSE_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include "dcls/base/buf.h"

#define SSE_MAX ((size_t)8 * 1024 * 1024) /* bytes of an event: a job of a thousand epochs is far below */
#define SSE_ID_SIZE 64
#define SSE_TYPE_SIZE 32

struct sse_parser {
    struct buf line, data;
    char type[SSE_TYPE_SIZE];
    char id[SSE_ID_SIZE];      /* of the event being read */
    char last_id[SSE_ID_SIZE]; /* of the last one handled; "" where none had one */
    bool after_cr, has_data;
};

/* `type` is "message" where the stream names none; `data` is NUL-terminated. Non-zero ends the feeding. */
typedef int sse_parser_handler(void *arg, const char *type, const char *data, size_t size);

void sse_parser_init(struct sse_parser *parser);
void sse_parser_release(struct sse_parser *parser);
/* A new connection: forgets what was half read, keeps last_id. */
void sse_parser_restart(struct sse_parser *parser);
/* 0; -1 where an event is too long or memory lacks; else what the handler returned. */
int sse_parser_feed(struct sse_parser *parser, const char *bytes, size_t count, sse_parser_handler *handler, void *arg);

#endif
