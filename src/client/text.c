/* See text.h. */
#include "text.h"

#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "dcls/base/utf8.h"

/* What stands at the start of a text. */
struct glyph {
    size_t size; /* bytes */
    size_t columns;
    bool is_shown; /* else '?' stands for it */
};

/* glibc's wcwidth knows Unicode, but only in a locale of UTF-8. This program has none, so that numbers have points
 * everywhere; a thread has one for as long as it measures. */
struct measure {
    locale_t locale, before;
};

static struct measure measure_begin(const char *text)
{
    struct measure measure = { 0 };
    while (*text && (unsigned char)*text < 0x80)
        text++;
    if (*text)
        measure.locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (measure.locale)
        measure.before = uselocale(measure.locale);
    return measure;
}

static void measure_end(struct measure *measure)
{
    if (!measure->locale)
        return;
    uselocale(measure->before);
    freelocale(measure->locale);
}

static size_t code_columns(const struct measure *measure, uint32_t code)
{
    if (code < 0x80 || !measure->locale)
        return 1;
    int columns = wcwidth((wchar_t)code);
    if (columns >= 0)
        return (size_t)columns;
    return code >= 0x1f000 && code <= 0x1faff ? 2 : 1; /* younger than the C library: there emoji are added */
}

static struct glyph glyph_at(const struct measure *measure, const char *text)
{
    struct glyph glyph = { .size = utf8_size(text, strnlen(text, 4)), .columns = 1 };
    if (!glyph.size) {
        glyph.size = 1;
        return glyph;
    }
    uint32_t code = utf8_code(text, glyph.size);
    glyph.is_shown = !utf8_is_control(code);
    if (glyph.is_shown)
        glyph.columns = code_columns(measure, code);
    return glyph;
}

size_t text_columns(const char *text)
{
    struct measure measure = measure_begin(text);
    size_t count = 0;
    while (*text) {
        struct glyph glyph = glyph_at(&measure, text);
        count += glyph.columns;
        text += glyph.size;
    }
    measure_end(&measure);
    return count;
}

void text_cut(char *text, size_t columns)
{
    struct measure measure = measure_begin(text);
    size_t used = 0;
    while (*text) {
        struct glyph glyph = glyph_at(&measure, text);
        used += glyph.columns;
        if (used > columns)
            *text = '\0';
        else
            text += glyph.size;
    }
    measure_end(&measure);
}

int text_clean(struct buf *out, const char *text, enum text_lines lines)
{
    const struct measure none = { 0 };
    while (*text) {
        /* A run of what is shown goes in one piece. */
        size_t run = 0;
        struct glyph glyph = { 0 };
        while (text[run]) {
            glyph = glyph_at(&none, text + run);
            bool is_kept = lines == TEXT_KEEP_LINES && (text[run] == '\n' || text[run] == '\t');
            if (!glyph.is_shown && !is_kept)
                break;
            run += glyph.size;
        }
        if (buf_append(out, text, run))
            return -1;
        text += run;
        if (!*text)
            return 0;
        if (buf_puts(out, "?"))
            return -1;
        text += glyph.size;
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

size_t text_screen(int fd)
{
    struct winsize size;
    return isatty(fd) && !ioctl(fd, TIOCGWINSZ, &size) ? size.ws_col : 0;
}
