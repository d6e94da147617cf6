/* The one-line reason of a failure: formatted, cut to its size (never inside a UTF-8 character), and cleansed of
 * control characters and of what is no UTF-8, since the text may quote bytes that came from a peer or a file. */
#include "dcls/base/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "dcls/base/log.h"
#include "dcls/base/utf8.h"

#define CUT_MAX 4 /* bytes that a text which was cut lacks of its size, at most: the NUL and a part of a character */

void err_one_line(char *text, size_t size)
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
    for (size_t left = strlen(text), step; left; text += step, left -= step) {
        step = utf8_size(text, left);
        if (!step) {
            *text = '?';
            step = 1;
        } else if (utf8_is_control(utf8_code(text, step))) {
            memset(text, ' ', step);
        }
    }
}

/* What `format` says and, behind a colon, the cause where there is one. */
static void set(struct err *err, const char *cause, const char *format, va_list args)
{
    /* The arguments and the cause may point into err->text itself. */
    char text[sizeof err->text];
    if (vsnprintf(text, sizeof text, format, args) < 0)
        snprintf(text, sizeof text, "failed, and the reason cannot be formatted");
    size_t used = strlen(text);
    if (cause)
        snprintf(text + used, sizeof text - used, ": %s", cause);
    err_one_line(text, sizeof text);
    memcpy(err->text, text, sizeof text);
}

int err_set(struct err *err, const char *format, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    set(err, NULL, format, args);
    va_end(args);
    return -1;
}

int err_prefix(struct err *err, const char *format, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    set(err, *err->text ? err->text : NULL, format, args);
    va_end(args);
    return -1;
}

/* How many bytes of a quoted path are `path`, of `size` bytes; 0: it is another one. Where the text was cut it may end
 * within. */
static size_t quoted(const char *text, const char *path, size_t size, bool cut)
{
    size_t same = 0;
    while (same < size && text[same] == path[same])
        same++;
    bool whole = same == size && (!text[same] || text[same] == '/' || text[same] == '\'');
    return whole || (cut && !text[same]) ? same : 0;
}

void err_rename(struct err *err, const char *path, const char *shown)
{
    char name[sizeof err->text], text[sizeof err->text] = "";
    size_t used = 0, size, same;
    if (!err)
        return;
    snprintf(name, sizeof name, "%s", path);
    err_one_line(name, sizeof name);
    size = strlen(name);
    while (size > 1 && name[size - 1] == '/')
        size--;
    bool cut = strlen(err->text) + CUT_MAX >= sizeof err->text;
    for (const char *at = err->text; *at && used + 1 < sizeof text;) {
        same = at > err->text && at[-1] == '\'' ? quoted(at, name, size, cut) : 0;
        if (same)
            snprintf(text + used, sizeof text - used, "%s", shown);
        else
            memcpy(text + used, at, 1);
        used += strlen(text + used);
        at += same ? same : 1;
    }
    err_one_line(text, sizeof text);
    memcpy(err->text, text, sizeof text);
}

void err_print(const struct err *err)
{
    log_last_words(err->text);
}
