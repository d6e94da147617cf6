/* The bounds of a message's members, and which of them may be absent. */
#include "msg_field.h"

#include <math.h>
#include <string.h>

#include "dcls/base/sha256.h"
#include "dcls/proto/name.h"

bool field_is_list(const struct field *field)
{
    return field->kind == FIELD_NAMES || field->kind == FIELD_TEXTS || field->kind == FIELD_MESSAGES;
}

size_t field_item_max(const struct field *field)
{
    return field->kind == FIELD_MESSAGES ? FIELD_MESSAGE_MAX : FIELD_ITEM_MAX;
}

int field_check_text(const char *what, const struct field *field, const char *text, struct err *err)
{
    switch (field->kind) {
    case FIELD_NAME:
        return name_is_valid(text) ? 0 : err_set(err, "%s: '%s' is no valid name for '%s'", what, text, field->name);
    case FIELD_KEY:
        return name_is_key(text) ? 0 : err_set(err, "%s: '%s' is no valid key for '%s'", what, text, field->name);
    case FIELD_SHA256: /* may be a secret, so it is not shown */
        return sha256_is_hex(text) ? 0 : err_set(err, "%s: '%s' must be 64 hexadecimal digits", what, field->name);
    default: return strlen(text) <= field->max ? 0 : err_set(err, "%s: '%s' is too long", what, field->name);
    }
}

int field_check_number(const char *what, const struct field *field, double value, struct err *err)
{
    if (!(value >= field->min && value <= field->max))
        return err_set(err, "%s: '%s' is %.17g: it must be from %.17g to %.17g", what, field->name, value, field->min,
                       field->max);
    if (field->kind == FIELD_INT && value != floor(value))
        return err_set(err, "%s: '%s' must be a whole number", what, field->name);
    return 0;
}

int field_check_json(const char *what, const struct field *field, const cJSON *value, struct err *err)
{
    if (field->kind == FIELD_OBJECT)
        return cJSON_IsObject(value) ? 0 : err_set(err, "%s: '%s' must be an object", what, field->name);
    bool fits = cJSON_IsArray(value);
    for (const cJSON *item = fits ? value->child : NULL; item && fits; item = item->next)
        fits = cJSON_IsObject(item);
    return fits ? 0 : err_set(err, "%s: '%s' must be a list of objects", what, field->name);
}

bool presence_needs(const struct presence *presence, const struct field *field)
{
    return field->presence == FIELD_REQUIRED || (field->presence == FIELD_WITH_NAME && presence->has_name);
}

int presence_note(struct presence *presence, const struct field *field, bool is_there, struct err *err)
{
    if (field->presence == FIELD_ANY_OF) {
        presence->any_of = presence->any_of ? presence->any_of : field->name;
        presence->any_found = presence->any_found || is_there;
    }
    if (!is_there && presence_needs(presence, field))
        return err_set(err, "%s lacks '%s'", presence->what, field->name);
    return 0;
}

int presence_check(const struct presence *presence, struct err *err)
{
    if (presence->any_of && !presence->any_found)
        return err_set(err, "%s lacks '%s'", presence->what, presence->any_of);
    return 0;
}
