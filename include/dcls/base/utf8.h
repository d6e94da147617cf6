/* UTF-8 (RFC 3629), which names and texts from elsewhere may or may not be: no overlong form, no surrogate, nothing
 * above U+10FFFF. */
#ifndef DCLS_BASE_UTF8_H
#define DCLS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The size of the character that starts at `text`, of which `len` bytes may be read: 0 where it is none. */
size_t utf8_size(const char *text, size_t len);

/* The code point of a character of that size. */
uint32_t utf8_code(const char *text, size_t size);

/* Whether a code point acts on a screen instead of being shown: control characters, line and paragraph separators, and
 * what turns the direction of the text behind it. */
bool utf8_is_control(uint32_t code);

bool utf8_is_valid(const char *text);

#endif
