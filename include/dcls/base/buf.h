/* A growing byte buffer with a maximum, for strings and for bytes from a wire.
 *
 * Invariants: `data` is NULL or holds `len` bytes and a NUL behind them; `len` never passes `max`. An append that
 * would pass `max`, or for which memory is lacking, returns -1 and leaves the buffer as it was. */
#ifndef DCLS_BASE_BUF_H
#define DCLS_BASE_BUF_H

#include <stddef.h>

struct buf {
    char *data;
    size_t len, cap, max;
};

/* Most bytes that `buf` may ever hold; nothing is allocated yet. */
void buf_init(struct buf *buf, size_t max);
void buf_release(struct buf *buf);
/* Empty, memory kept. */
void buf_clear(struct buf *buf);
/* Keeps the first `len` bytes, of as many or more. */
void buf_cut(struct buf *buf, size_t len);

int buf_append(struct buf *buf, const void *bytes, size_t count);
int buf_puts(struct buf *buf, const char *text);
int buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first `count` bytes (at most `len`). */
void buf_drop(struct buf *buf, size_t count);
/* The text, never NULL. */
const char *buf_text(const struct buf *buf);
/* Hands the text to the caller, who frees it; the buffer is empty after. NULL where memory lacks. */
char *buf_detach(struct buf *buf);

#endif
