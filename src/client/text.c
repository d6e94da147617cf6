/* See text.h. */
#include "text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

size_t text_columns(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

int text_clean(struct buf *out, const char *text, enum text_lines lines)
{
    while (*text) {
        size_t plain = 0;
        unsigned char c = 0, next = 0;
        for (; (c = (unsigned char)text[plain]); plain++) {
            next = (unsigned char)text[plain + 1];
            bool kept = lines == TEXT_KEEP_LINES && (c == '\n' || c == '\t');
            if ((c < 0x20 && !kept) || c == 0x7F || (c == 0xC2 && next >= 0x80 && next <= 0x9F))
                break;
        }
        if (buf_append(out, text, plain))
            return -1;
        text += plain;
        if (!c)
            return 0;
        if (buf_puts(out, "?"))
            return -1;
        text += c == 0xC2 ? 2 : 1;
    }
    return 0;
}

void text_print(const char *text, enum text_lines lines)
{
    struct buf clean;
    buf_init(&clean, 2 * strlen(text) + 1);
    if (!text_clean(&clean, text, lines))
        fputs(buf_text(&clean), stdout);
    buf_release(&clean);
}

void text_bytes(char text[TEXT_BYTES_SIZE], double bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;
    if (!isfinite(bytes) || bytes < 0)
        bytes = 0;
    /* 1023.96 KiB would print as 1024.0: it is the next unit's 1.0. */
    while (unit + 1 < sizeof units / sizeof *units && bytes >= (unit == 0 ? 1024 : 1023.95)) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, TEXT_BYTES_SIZE, "%.*f %s", unit == 0 ? 0 : 1, bytes, units[unit]);
}
