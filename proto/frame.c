/* Splits a byte stream into JSON texts: at each newline, and where a top-level object closes.
 *
 * A small scanner follows strings, escapes and nesting, so that a closing brace is known for what it is; it never looks
 * at a byte twice. It does not judge: what it hands out may be no JSON, which the decoder will say. Bytes handed out
 * are dropped in bulk when more are fed, so that many small texts in one read cost no moving of memory each. */
#include "dcls/proto/frame.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* One read's worth beyond the longest text: what stands in the buffer behind a text not yet fetched. */
enum { READ_ROOM = 1024 * 1024 };

void frame_init(struct frame *frame, size_t max)
{
    *frame = (struct frame){ .max = max };
    buf_init(&frame->buf, max > SIZE_MAX / 4 ? SIZE_MAX / 2 : 2 * max + READ_ROOM);
}

void frame_release(struct frame *frame)
{
    buf_release(&frame->buf);
}

/* Between two texts. */
static void reset(struct frame *frame)
{
    frame->depth = 0;
    frame->in_string = frame->escaped = frame->skipping = frame->started = false;
}

int frame_feed(struct frame *frame, const void *bytes, size_t count)
{
    /* Where a text is being skipped nothing before the scanner is needed. */
    size_t done = frame->skipping ? frame->scanned : frame->consumed;
    buf_drop(&frame->buf, done);
    frame->scanned -= done;
    frame->consumed = 0;
    return buf_append(&frame->buf, bytes, count);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Follows the text through one byte; true where its top-level object closes with it. */
static bool closes(struct frame *frame, char c)
{
    if (frame->in_string) {
        if (frame->escaped)
            frame->escaped = false;
        else if (c == '\\')
            frame->escaped = true;
        else if (c == '"')
            frame->in_string = false;
        return false;
    }
    bool closed = frame->depth == 1;
    switch (c) {
    case '"': frame->in_string = true; return false;
    case '{':
    case '[': frame->depth += frame->depth < INT32_MAX; return false;
    case '}':
    case ']':
        /* One that closes nothing is no end, or a run of them would be as many texts. */
        frame->depth -= frame->depth > 0;
        return closed && c == '}' && frame->depth == 0;
    default: return false;
    }
}

/* How many bytes of a string come before one that may mean something. */
static size_t plain(const char *text, size_t len)
{
    size_t count = 0;
    while (count < len && text[count] != '"' && text[count] != '\\' && text[count] != '\n')
        count++;
    return count;
}

/* How far a text may be looked at before it is too long. */
static size_t limit(const struct frame *frame)
{
    size_t held = frame->buf.len - frame->consumed;
    return held > frame->max ? frame->consumed + frame->max : frame->buf.len;
}

enum frame_event frame_next(struct frame *frame, const char **text, size_t *len)
{
    const char *data = buf_text(&frame->buf);
    assert(frame->consumed <= frame->scanned && frame->scanned <= frame->buf.len);
    *text = NULL;
    *len = 0;
    while (frame->scanned < frame->buf.len) {
        if (frame->in_string && !frame->escaped && !frame->skipping && frame->scanned < limit(frame))
            frame->scanned += plain(data + frame->scanned, limit(frame) - frame->scanned);
        if (frame->scanned == frame->buf.len)
            break;
        char c = data[frame->scanned];
        if (frame->skipping) {
            frame->scanned++;
            if (c == '\n') {
                frame->consumed = frame->scanned;
                reset(frame);
            }
            continue;
        }
        if (!frame->started) {
            if (is_blank(c)) {
                frame->consumed = ++frame->scanned;
                continue;
            }
            frame->started = true;
        }
        size_t size = frame->scanned - frame->consumed;
        bool closed = c != '\n' && closes(frame, c);
        if (c == '\n' || closed) {
            size += closed;
            if (size <= frame->max) {
                *text = data + frame->consumed;
                *len = size;
                frame->consumed = ++frame->scanned;
                reset(frame);
                return FRAME_TEXT;
            }
        }
        frame->scanned++;
        if (size >= frame->max) {
            if (c == '\n') {
                frame->consumed = frame->scanned;
                reset(frame);
            } else {
                frame->skipping = true;
            }
            return FRAME_TOO_LONG;
        }
    }
    return FRAME_MORE;
}
