/* A growing byte buffer with a maximum. It doubles, so that appending byte by byte stays linear, and refuses to pass
 * its maximum whatever is appended. */
#include "dcls/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 64 };

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){ .max = max };
}

void buf_release(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){ .max = buf->max };
}

void buf_cut(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    buf->len = len;
    if (buf->data)
        buf->data[len] = '\0';
}

void buf_clear(struct buf *buf)
{
    buf_cut(buf, 0);
}

/* Makes room for `more` bytes and a NUL. */
static int grow(struct buf *buf, size_t more)
{
    if (more > buf->max || buf->len > buf->max - more || buf->max == SIZE_MAX)
        return -1;
    size_t needed = buf->len + more + 1;
    if (needed <= buf->cap)
        return 0;
    size_t cap = buf->cap ? buf->cap : FIRST_SIZE;
    while (cap < needed)
        cap = cap > SIZE_MAX / 2 ? needed : cap * 2;
    if (cap > buf->max + 1)
        cap = buf->max + 1;
    char *data = realloc(buf->data, cap);
    if (!data)
        return -1;
    buf->data = data;
    buf->cap = cap;
    return 0;
}

int buf_append(struct buf *buf, const void *bytes, size_t count)
{
    if (grow(buf, count))
        return -1;
    if (count)
        memcpy(buf->data + buf->len, bytes, count);
    buf->len += count;
    buf->data[buf->len] = '\0';
    return 0;
}

int buf_puts(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

int buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int needed = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (needed < 0 || grow(buf, (size_t)needed))
        return -1;
    va_start(args, format);
    int written = vsnprintf(buf->data + buf->len, (size_t)needed + 1, format, args);
    va_end(args);
    if (written != needed) {
        buf->data[buf->len] = '\0';
        return -1;
    }
    buf->len += (size_t)needed;
    return 0;
}

void buf_drop(struct buf *buf, size_t count)
{
    if (!buf->data || !count)
        return;
    if (count > buf->len)
        count = buf->len;
    memmove(buf->data, buf->data + count, buf->len - count);
    buf->len -= count;
    buf->data[buf->len] = '\0';
}

const char *buf_text(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}

char *buf_detach(struct buf *buf)
{
    char *text = buf->data ? buf->data : calloc(1, 1);
    if (text)
        *buf = (struct buf){ .max = buf->max };
    return text;
}
