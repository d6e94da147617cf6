/* From JSON to a message, field by field as the table says. */
#include <string.h>

#include "dcls/proto/json.h"
#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"
#include "msg_table.h"

static int take_strings(const char *what, const struct field *field, const cJSON *list, struct strings *strings,
                        struct err *err)
{
    if (!cJSON_IsArray(list))
        return err_set(err, "%s: '%s' must be a list of strings", what, field->name);
    for (const cJSON *item = list->child; item; item = item->next) {
        if (!cJSON_IsString(item))
            return err_set(err, "%s: '%s' must be a list of strings", what, field->name);
        /* The existing system lets models have any name. One of such a name cannot be asked for here; it is no
         * reason to lose the others. */
        if (field->kind == FIELD_NAMES && !name_is_valid(item->valuestring))
            continue;
        if (strlen(item->valuestring) > field_item_max(field))
            return err_set(err, "%s: '%s' has an item that is too long", what, field->name);
        if (strings->count >= (size_t)field->max)
            return err_set(err, "%s: '%s' has more than %.0f items", what, field->name, field->max);
        if (strings_add(strings, item->valuestring))
            return err_set(err, "out of memory");
    }
    return 0;
}

static int take_options(const char *what, const struct field *field, const cJSON *object, struct train_options *options,
                        struct err *err)
{
    bool required = field->presence == FIELD_REQUIRED && !cJSON_GetObjectItemCaseSensitive(object, "resume");
    for (size_t i = 0; required && i < train_option_count; i++) {
        const char *name = train_option_table[i].name;
        if (train_option_table[i].legacy && !cJSON_GetObjectItemCaseSensitive(object, name))
            return err_set(err, "%s lacks '%s'", what, name);
    }
    if (train_options_from_json(options, object, err))
        return err_prefix(err, "%s", what);
    return 0;
}

/* `value` is of `object`; what is taken over whole is detached from it. */
static int take(struct msg *msg, const struct field *field, cJSON *object, cJSON *value, struct err *err)
{
    const char *what = msg_type_name(msg->type);
    void *member = (char *)msg + field->offset;
    switch (field->kind) {
    case FIELD_NAME:
    case FIELD_KEY:
    case FIELD_SHA256:
    case FIELD_TEXT:
    case FIELD_MESSAGE:
        if (!cJSON_IsString(value))
            return err_set(err, "%s: '%s' must be a string", what, field->name);
        if (field_check_text(what, field, value->valuestring, err))
            return -1;
        return msg_set(member, value->valuestring) ? err_set(err, "out of memory") : 0;
    case FIELD_NAMES:
    case FIELD_TEXTS:
    case FIELD_MESSAGES: return take_strings(what, field, value, member, err);
    case FIELD_INT:
    case FIELD_NUMBER:
        if (!cJSON_IsNumber(value))
            return err_set(err, "%s: '%s' must be a number", what, field->name);
        if (field_check_number(what, field, value->valuedouble, err))
            return -1;
        if (field->kind == FIELD_INT)
            *(int64_t *)member = (int64_t)value->valuedouble;
        else
            *(double *)member = value->valuedouble;
        return 0;
    case FIELD_BOOL:
        if (!cJSON_IsBool(value))
            return err_set(err, "%s: '%s' must be true or false", what, field->name);
        *(int *)member = cJSON_IsTrue(value);
        return 0;
    case FIELD_OBJECT:
    case FIELD_OBJECTS:
        if (field_check_json(what, field, value, err))
            return -1;
        *(cJSON **)member = cJSON_DetachItemViaPointer(object, value);
        return 0;
    case FIELD_OPTIONS: break;
    }
    return 0;
}

static cJSON *find(const cJSON *object, const char *name)
{
    cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNull(value) ? NULL : value;
}

static int read_type(const cJSON *object, enum msg_type *type, struct err *err)
{
    const char *name = cJSON_GetStringValue(find(object, "type"));
    if (!cJSON_IsObject(object))
        return err_set(err, "a message must be a JSON object");
    if (!name)
        return err_set(err, "a message lacks 'type'");
    for (int i = 0; i < MSG_TYPE_COUNT; i++) {
        const struct msg_spec *spec = &msg_table[i];
        if (!strcmp(name, spec->name) || (spec->alias && !strcmp(name, spec->alias))) {
            *type = (enum msg_type)i;
            return 0;
        }
    }
    return err_set(err, "unknown message type '%.100s'", name);
}

static int take_fields(struct msg *msg, cJSON *object, struct err *err)
{
    const struct msg_spec *spec = &msg_table[msg->type];
    struct presence presence = { .what = spec->name, .has_name = find(object, "name") };
    for (size_t i = 0; i < spec->field_count; i++) {
        const struct field *field = &spec->fields[i];
        if (field->kind == FIELD_OPTIONS) {
            if (take_options(spec->name, field, object, &msg->options, err))
                return -1;
            continue;
        }
        cJSON *value = find(object, field->name);
        if (presence_note(&presence, field, value, err) || (value && take(msg, field, object, value, err)))
            return -1;
    }
    return presence_check(&presence, err);
}

int msg_decode(struct msg *msg, const char *text, size_t len, struct err *err)
{
    msg_init(msg, MSG_ERROR);
    if (len > MSG_MAX)
        return err_set(err, "a message is longer than %d bytes", MSG_MAX);
    cJSON *object = json_parse(text, len, err);
    if (!object)
        return -1;
    enum msg_type type = MSG_ERROR;
    int status = read_type(object, &type, err);
    if (!status) {
        msg_init(msg, type);
        status = take_fields(msg, object, err);
    }
    cJSON_Delete(object);
    return status;
}
