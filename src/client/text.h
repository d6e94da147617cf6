/* Text that came from elsewhere, for a person's screen: nothing in it may move the cursor, change colours or turn what
 * follows around. */
#ifndef DCLS_CLIENT_TEXT_H
#define DCLS_CLIENT_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/base/buf.h"

/* Columns that the text takes once it is cleaned, on one line: 2 of a wide character, 0 of one that is combined with
 * the one before. */
size_t text_columns(const char *text);
/* Cuts it to so many columns, between two characters. */
void text_cut(char *text, size_t columns);

/* Appends `text` with '?' for each control character (utf8_is_control) and each byte that is no UTF-8; newlines and
 * tabs stay where `lines`. */
enum text_lines { TEXT_ONE_LINE, TEXT_KEEP_LINES };
int text_clean(struct buf *out, const char *text, enum text_lines lines);

/* Prints it so to stdout. */
void text_print(const char *text, enum text_lines lines);

/* 44.7 MiB */
#define TEXT_BYTES_SIZE 32
void text_bytes(char text[TEXT_BYTES_SIZE], double bytes);

/* Columns of the terminal that `fd` is; 0: it is none, or does not say. */
size_t text_screen(int fd);

#endif
