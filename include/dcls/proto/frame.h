/* Splits a byte stream into JSON texts.
 *
 * A text ends at a newline, or where its top-level object closes (an existing peer sends one without a newline). Blank
 * lines are passed over. Feed what was read, then call frame_next until it returns FRAME_MORE.
 *     FRAME_TEXT      *text, *len stand for one whole text, valid until the next call
 *     FRAME_TOO_LONG  a text passed the maximum: it is skipped up to its newline; told once
 * Memory is bounded by the maximum; the work for each byte is constant however the stream is cut. */
#ifndef DCLS_PROTO_FRAME_H
#define DCLS_PROTO_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "dcls/base/buf.h"

enum frame_event { FRAME_MORE, FRAME_TEXT, FRAME_TOO_LONG };

struct frame {
    struct buf buf;
    size_t max, scanned, consumed; /* scanned: bytes already looked at; consumed: of the text handed out last */
    int depth;
    bool in_string, escaped, skipping, started;
};

void frame_init(struct frame *frame, size_t max);
void frame_release(struct frame *frame);
int frame_feed(struct frame *frame, const void *bytes, size_t count);
enum frame_event frame_next(struct frame *frame, const char **text, size_t *len);

#endif
