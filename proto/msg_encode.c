/* From a message to JSON, field by field as the table says. */
#include "msg_encode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/json.h"
#include "dcls/proto/name.h"
#include "msg_table.h"

enum {
    MESSAGE_SENT_MAX = 4096,      /* bytes of a text for people; each that is no UTF-8 leaves as three */
    MESSAGE_SENT_MAX_LEGACY = 512 /* fits however it is escaped */
};

static const void *value_of(const struct msg *msg, const struct field *field)
{
    return (const char *)msg + field->offset;
}

/* Whether the member holds something; an empty list counts as nothing. */
static bool is_there(const struct msg *msg, const struct field *field)
{
    const void *value = value_of(msg, field);
    switch (field->kind) {
    case FIELD_NAMES:
    case FIELD_TEXTS:
    case FIELD_MESSAGES: return ((const struct strings *)value)->count > 0;
    case FIELD_INT: return *(const int64_t *)value >= 0;
    case FIELD_NUMBER: return isfinite(*(const double *)value);
    case FIELD_BOOL: return *(const int *)value >= 0;
    case FIELD_OPTIONS: return true;
    default: return *(void *const *)value;
    }
}

/* What a failed write to a bounded buffer is. */
static int room(bool failed)
{
    return failed ? MSG_NO_ROOM : 0;
}

static int put_strings(const char *what, const struct field *field, const struct strings *strings, struct buf *out,
                       struct err *err)
{
    bool failed = buf_puts(out, "[");
    if (strings->count > (size_t)field->max)
        return err_set(err, "%s: '%s' has more than %.0f items", what, field->name, field->max);
    for (size_t i = 0; i < strings->count && !failed; i++) {
        const char *text = strings->items[i];
        if (strlen(text) > field_item_max(field) || (field->kind == FIELD_NAMES && !name_is_valid(text)))
            return err_set(err, "%s: '%.300s' is no valid item of '%s'", what, text, field->name);
        failed = (i && buf_puts(out, ", ")) || json_print_string(text, out);
    }
    return room(failed || buf_puts(out, "]"));
}

/* The longest start of `text` of at most `max` bytes that ends between characters. */
static char *cut(const char *text, size_t max)
{
    size_t len = strlen(text);
    if (len > max) {
        len = max;
        while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    return strndup(text, len);
}

static int put_message(const char *text, bool legacy, struct buf *out)
{
    char *fitting = cut(text, legacy ? MESSAGE_SENT_MAX_LEGACY : MESSAGE_SENT_MAX);
    bool failed = !fitting || json_print_string(fitting, out);
    free(fitting);
    return room(failed);
}

static int put_member(const struct msg *msg, const struct field *field, bool legacy, struct buf *out, struct err *err)
{
    const char *what = msg_type_name(msg->type);
    const void *value = value_of(msg, field);
    const char *text;
    const cJSON *json;
    double number;
    switch (field->kind) {
    case FIELD_MESSAGE: return put_message(*(char *const *)value, legacy, out);
    case FIELD_NAME:
    case FIELD_KEY:
    case FIELD_SHA256:
    case FIELD_TEXT:
        text = *(char *const *)value;
        return field_check_text(what, field, text, err) ? -1 : room(json_print_string(text, out));
    case FIELD_NAMES:
    case FIELD_TEXTS:
    case FIELD_MESSAGES: return put_strings(what, field, value, out, err);
    case FIELD_INT:
    case FIELD_NUMBER:
        number = field->kind == FIELD_INT ? (double)*(const int64_t *)value : *(const double *)value;
        return field_check_number(what, field, number, err) ? -1 : room(json_print_number(number, out));
    case FIELD_BOOL: return room(buf_puts(out, *(const int *)value ? "true" : "false"));
    case FIELD_OBJECT:
    case FIELD_OBJECTS:
        json = *(cJSON *const *)value;
        return field_check_json(what, field, json, err) ? -1 : room(json_print_spaced(json, out));
    case FIELD_OPTIONS: break;
    }
    return 0;
}

static int put_options(const struct msg *msg, bool legacy, struct buf *out, struct err *err)
{
    cJSON *object = cJSON_CreateObject();
    struct train_options checked;
    int status = 0;
    train_options_init(&checked);
    if (!object || train_options_to_json(&msg->options, object))
        status = err_set(err, "out of memory");
    else if (train_options_from_json(&checked, object, err))
        status = err_prefix(err, "%s", msg_type_name(msg->type));
    for (const cJSON *value = object ? object->child : NULL; value && !status; value = value->next) {
        if (legacy && !train_option_by_name(value->string)->legacy)
            continue;
        status = room(buf_puts(out, ", ") || json_print_string(value->string, out) || buf_puts(out, ": ") ||
                      json_print_spaced(value, out));
    }
    cJSON_Delete(object);
    return status;
}

static int put_fields(const struct msg *msg, bool legacy, struct buf *out, struct err *err)
{
    const struct msg_spec *spec = &msg_table[msg->type];
    struct presence presence = { .what = spec->name, .has_name = msg->name };
    for (size_t i = 0; i < spec->field_count; i++) {
        const struct field *field = &spec->fields[i];
        /* A list that is needed may be an empty one. */
        bool there = is_there(msg, field) || (field_is_list(field) && presence_needs(&presence, field));
        if (presence_note(&presence, field, there, err))
            return -1;
        if (!there || (legacy && field->since > 0))
            continue;
        int status;
        if (field->kind == FIELD_OPTIONS)
            status = put_options(msg, legacy, out, err);
        else if (buf_puts(out, ", \"") || buf_puts(out, field->name) || buf_puts(out, "\": "))
            status = MSG_NO_ROOM;
        else
            status = put_member(msg, field, legacy, out, err);
        if (status)
            return status;
    }
    return presence_check(&presence, err);
}

int msg_put(const struct msg *msg, bool legacy, size_t max, struct buf *out, struct err *err)
{
    size_t start = out->len;
    int status = room(buf_puts(out, "{\"type\": ") || json_print_string(msg_type_name(msg->type), out));
    if (!status)
        status = put_fields(msg, legacy, out, err);
    if (!status)
        status = room(buf_puts(out, "}\n") || out->len - start > max);
    if (status)
        buf_cut(out, start);
    return status;
}

int msg_encode(const struct msg *msg, struct buf *out, struct err *err)
{
    int status = msg_put(msg, false, MSG_MAX, out, err);
    if (status == MSG_NO_ROOM)
        return err_set(err, "%s is too long to send, nested too deep, or memory lacks", msg_type_name(msg->type));
    return status;
}
