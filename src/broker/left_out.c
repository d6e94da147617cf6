/* See left_out.h. */
#include "left_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/buf.h"
#include "dcls/base/utf8.h"

#define PATH_SHOWN 120 /* bytes of a path */

static int append_printable(struct buf *out, const char *path)
{
    int failed = 0;
    for (size_t len = strlen(path), size; len && !failed; path += size, len -= size) {
        unsigned char byte = (unsigned char)*path;
        size = byte < 0x20 || byte == 0x7f ? 0 : utf8_size(path, len);
        failed = size ? buf_append(out, path, size) : buf_printf(out, "\\x%02x", byte);
        size = size ? size : 1;
    }
    return failed;
}

void left_out_add(struct left_out *left_out, const char *path, const char *reason)
{
    struct buf printable;
    size_t at = left_out->named;
    left_out->count++;
    buf_init(&printable, 4 * strlen(path) + 1);
    char *copy = append_printable(&printable, path) ? NULL : buf_detach(&printable);
    buf_release(&printable);
    if (!copy)
        return;
    while (at && strcmp(copy, left_out->first[at - 1].path) < 0)
        at--;
    if (at == LEFT_OUT_NAMED) {
        free(copy);
        return;
    }
    if (left_out->named == LEFT_OUT_NAMED)
        free(left_out->first[--left_out->named].path);
    memmove(&left_out->first[at + 1], &left_out->first[at], (left_out->named - at) * sizeof *left_out->first);
    left_out->first[at].path = copy;
    left_out->first[at].reason = reason;
    left_out->named++;
}

void left_out_release(struct left_out *left_out)
{
    for (size_t i = 0; i < left_out->named; i++)
        free(left_out->first[i].path);
    *left_out = (struct left_out){ 0 };
}

/* Of a path too long the end, which tells more. */
static const char *shown(const char *path)
{
    size_t len = strlen(path), from = len > PATH_SHOWN ? len - PATH_SHOWN : 0;
    while (from && !utf8_size(path + from, len - from))
        from++;
    return path + from;
}

void left_out_describe(const struct left_out *left_out, char text[LEFT_OUT_TEXT_SIZE])
{
    *text = '\0';
    if (!left_out->count)
        return;
    struct buf buf;
    buf_init(&buf, LEFT_OUT_TEXT_SIZE - 1);
    int failed = buf_printf(&buf, "%zu %s of the broker's images %s left out", left_out->count,
                            left_out->count == 1 ? "entry" : "entries", left_out->count == 1 ? "is" : "are");
    for (size_t i = 0; i < left_out->named && !failed; i++) {
        const char *path = left_out->first[i].path, *end = shown(path);
        failed =
            buf_printf(&buf, "%s '%s%s' (%s)", i ? "," : ":", end == path ? "" : "...", end, left_out->first[i].reason);
    }
    if (!failed && left_out->count > left_out->named)
        failed = buf_puts(&buf, ", ...");
    if (!failed && left_out->has_links)
        buf_puts(&buf, "; the broker's option --follow-links follows links out of the folder");
    snprintf(text, LEFT_OUT_TEXT_SIZE, "%s", buf_text(&buf));
    buf_release(&buf);
}

cJSON *left_out_json(const struct left_out *left_out)
{
    char text[LEFT_OUT_TEXT_SIZE];
    cJSON *object = cJSON_CreateObject(), *first;
    left_out_describe(left_out, text);
    bool ok = cJSON_AddNumberToObject(object, "count", (double)left_out->count) &&
              (first = cJSON_AddArrayToObject(object, "first"));
    for (size_t i = 0; ok && i < left_out->named; i++) {
        cJSON *entry = cJSON_CreateObject();
        ok = cJSON_AddItemToArray(first, entry) && cJSON_AddStringToObject(entry, "path", left_out->first[i].path) &&
             cJSON_AddStringToObject(entry, "reason", left_out->first[i].reason);
    }
    if (ok && cJSON_AddStringToObject(object, "notice", text))
        return object;
    cJSON_Delete(object);
    return NULL;
}
