/* The one-line reason of a failure: formatted, cut to its size (never inside a UTF-8 character), and cleansed of
 * control characters, since the text may quote bytes that came from a peer or a file. */
#include "dcls/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void one_line(char *text, size_t size)
{
    size_t len = strlen(text);
    if (len + 1 == size) {
        /* Possibly cut: drop a character whose continuation bytes may be lacking. */
        while (len && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
            len--;
        if (len && (unsigned char)text[len - 1] >= 0xc0)
            len--;
        text[len] = '\0';
    }
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
}

int err_set(struct err *err, const char *format, ...)
{
    if (!err)
        return -1;
    /* The arguments may point into err->text itself. */
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    int written = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (written < 0)
        snprintf(text, sizeof text, "failed, and the reason cannot be formatted");
    one_line(text, sizeof text);
    memcpy(err->text, text, sizeof text);
    return -1;
}

int err_prefix(struct err *err, const char *format, ...)
{
    if (!err)
        return -1;
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    int written = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (written < 0)
        return -1;
    size_t used = strlen(text);
    size_t left = sizeof text - 1 - used;
    if (err->text[0] && left > 2) {
        memcpy(text + used, ": ", 2);
        size_t count = strnlen(err->text, left - 2);
        memcpy(text + used + 2, err->text, count);
        text[used + 2 + count] = '\0';
    }
    one_line(text, sizeof text);
    memcpy(err->text, text, sizeof text);
    return -1;
}
