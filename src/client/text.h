/* Text that came from elsewhere, for a person's screen: nothing in it may move the cursor or change colours. */
#ifndef DCLS_CLIENT_TEXT_H
#define DCLS_CLIENT_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/base/buf.h"

/* Columns that UTF-8 text takes, one a character. */
size_t text_columns(const char *text);

/* Appends `text` with control characters (of ASCII and of C1) replaced by '?'; newlines and tabs stay where `lines`. */
enum text_lines { TEXT_ONE_LINE, TEXT_KEEP_LINES };
int text_clean(struct buf *out, const char *text, enum text_lines lines);

/* Prints it so to stdout. */
void text_print(const char *text, enum text_lines lines);

/* 44.7 MiB */
#define TEXT_BYTES_SIZE 32
void text_bytes(char text[TEXT_BYTES_SIZE], double bytes);

#endif
