/* See left_out.h. */
#include "dcls/base/left_out.h"

#include <stdlib.h>
#include <string.h>

#include "dcls/base/utf8.h"

#define PATH_SHOWN 120 /* bytes of a path */

static char *printable(const char *path)
{
    struct buf out;
    int failed = 0;
    buf_init(&out, 4 * strlen(path) + 1);
    for (size_t left = strlen(path), size; left && !failed; path += size, left -= size) {
        unsigned char byte = (unsigned char)*path;
        size = byte < 0x20 || byte == 0x7f ? 0 : utf8_size(path, left);
        failed = size ? buf_append(&out, path, size) : buf_printf(&out, "\\x%02x", byte);
        size = size ? size : 1;
    }
    char *text = failed ? NULL : buf_detach(&out);
    buf_release(&out);
    return text;
}

static void drop_last(struct left_out *left_out)
{
    left_out->named--;
    free(left_out->first[left_out->named].path);
    free(left_out->first[left_out->named].reason);
}

void left_out_add(struct left_out *left_out, const char *path, const char *reason)
{
    size_t at = left_out->named;
    char *path_kept = printable(path), *reason_kept = strdup(reason);
    left_out->count++;
    while (at && path_kept && strcmp(path_kept, left_out->first[at - 1].path) < 0)
        at--;
    if (!path_kept || !reason_kept || at == LEFT_OUT_NAMED) {
        free(path_kept);
        free(reason_kept);
        return;
    }
    if (left_out->named == LEFT_OUT_NAMED)
        drop_last(left_out);
    memmove(&left_out->first[at + 1], &left_out->first[at], (left_out->named - at) * sizeof *left_out->first);
    left_out->first[at].path = path_kept;
    left_out->first[at].reason = reason_kept;
    left_out->named++;
}

void left_out_release(struct left_out *left_out)
{
    while (left_out->named)
        drop_last(left_out);
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

int left_out_list(const struct left_out *left_out, struct buf *out)
{
    for (size_t i = 0; i < left_out->named; i++) {
        const char *path = left_out->first[i].path, *end = shown(path);
        if (buf_printf(out, "%s'%s%s' (%s)", i ? ", " : "", end == path ? "" : "...", end, left_out->first[i].reason))
            return -1;
    }
    return left_out->count > left_out->named ? buf_puts(out, ", ...") : 0;
}
