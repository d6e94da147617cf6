/* Bytes as text of 64 characters (RFC 4648, section 4), with its padding and without line breaks. */
#ifndef DCLS_BASE_BASE64_H
#define DCLS_BASE_BASE64_H

#include <stddef.h>

/* How many characters `count` bytes take, without a NUL. */
size_t base64_size(size_t count);

/* Into heap memory with a NUL behind, the caller's to free; NULL where memory lacks. */
char *base64_encode(const void *bytes, size_t count);
/* NULL where it is no such text, or memory lacks; of nothing there is one byte of room. */
void *base64_decode(const char *text, size_t *count);

#endif
