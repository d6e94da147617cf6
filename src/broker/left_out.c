/* See left_out.h. */
#include "left_out.h"

#include <stdio.h>

#include "dcls/base/buf.h"
#include "dcls/proto/json.h"

void left_out_describe(const struct left_out *left_out, char text[LEFT_OUT_TEXT_SIZE])
{
    *text = '\0';
    if (!left_out->count)
        return;
    struct buf buf;
    buf_init(&buf, LEFT_OUT_TEXT_SIZE - 1);
    bool is_one = left_out->count == 1;
    int failed = buf_printf(&buf, "%zu %s of the broker's images %s left out: ", left_out->count,
                            is_one ? "entry" : "entries", is_one ? "is" : "are");
    failed = failed || left_out_list(left_out, &buf);
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
        ok = json_append(first, entry) && cJSON_AddStringToObject(entry, "path", left_out->first[i].path) &&
             cJSON_AddStringToObject(entry, "reason", left_out->first[i].reason);
    }
    if (ok && cJSON_AddStringToObject(object, "notice", text))
        return object;
    cJSON_Delete(object);
    return NULL;
}
