/* Messages as C structs: their memory, and the way from JSON and back, field by field as the table says.
 *
 * Both directions check the same bounds, so that what one side sends the other takes. */
#include "dcls/proto/msg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/sha256.h"
#include "dcls/proto/name.h"
#include "json.h"
#include "msg_codec.h"
#include "msg_table.h"

enum {
    MESSAGE_SENT_MAX = 4096,      /* bytes of a text for people; each that is no UTF-8 leaves as three */
    MESSAGE_SENT_MAX_LEGACY = 512 /* fits however it is escaped */
};

static void *member_of(struct msg *msg, const struct field *field)
{
    return (char *)msg + field->offset;
}

static const void *value_of(const struct msg *msg, const struct field *field)
{
    return (const char *)msg + field->offset;
}

void msg_init(struct msg *msg, enum msg_type type)
{
    *msg = (struct msg){ .type = type,
                         .protocol = -1,
                         .cores = -1,
                         .memory = -1,
                         .api_port = -1,
                         .generation = -1,
                         .epoch = -1,
                         .epochs = -1,
                         .batch = -1,
                         .batches = -1,
                         .threads = -1,
                         .cancelled = -1,
                         .images_per_second = NAN,
                         .loss = NAN,
                         .accuracy = NAN };
    train_options_init(&msg->options);
}

void msg_release(struct msg *msg)
{
    char **texts[] = { &msg->name,         &msg->model_name, &msg->model_type,   &msg->train_key,  &msg->inference_key,
                       &msg->json_name,    &msg->new_model,  &msg->message,      &msg->image_path, &msg->image_sha256,
                       &msg->model_sha256, &msg->version,    &msg->instance,     &msg->cpu,        &msg->job,
                       &msg->data_dir,     &msg->models_dir, &msg->weights_file, &msg->image_file, &msg->notice };
    cJSON *values[] = { msg->dataset, msg->result, msg->data, msg->report, msg->model_info, msg->jobs, msg->puts };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(*texts[i]);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        cJSON_Delete(values[i]);
    strings_release(&msg->models);
    strings_release(&msg->features);
    strings_release(&msg->addresses);
    msg_init(msg, msg->type);
}

int msg_set(char **member, const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        return -1;
    free(*member);
    *member = copy;
    return 0;
}

int strings_add(struct strings *strings, const char *text)
{
    /* Room doubles: it is full whenever the count is a power of two. */
    size_t count = strings->count;
    if (!(count & (count - 1))) {
        char **items = reallocarray(strings->items, count ? 2 * count : 1, sizeof *items);
        if (!items)
            return -1;
        strings->items = items;
    }
    char *copy = strdup(text);
    if (!copy)
        return -1;
    strings->items[strings->count++] = copy;
    return 0;
}

bool strings_has(const struct strings *strings, const char *text)
{
    for (size_t i = 0; i < strings->count; i++) {
        if (!strcmp(strings->items[i], text))
            return true;
    }
    return false;
}

void strings_release(struct strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
    *strings = (struct strings){ 0 };
}

const char *msg_type_name(enum msg_type type)
{
    return message_table[type].name;
}

unsigned msg_senders(enum msg_type type)
{
    return message_table[type].senders;
}

/* Checks that both directions share. `what` is the message's name. */

static int check_text(const char *what, const struct field *field, const char *text, struct err *err)
{
    switch (field->kind) {
    case FIELD_NAME:
        return name_is_valid(text) ? 0 : err_set(err, "%s: '%s' is no valid name for '%s'", what, text, field->name);
    case FIELD_KEY:
        return name_is_key(text) ? 0 : err_set(err, "%s: '%s' is no valid key for '%s'", what, text, field->name);
    case FIELD_SHA256:
        return sha256_is_hex(text) ? 0 : err_set(err, "%s: '%s' must be a SHA-256", what, field->name);
    default:
        return strlen(text) <= field->max ? 0 : err_set(err, "%s: '%s' is too long", what, field->name);
    }
}

static int check_number(const char *what, const struct field *field, double value, struct err *err)
{
    if (!(value >= field->min && value <= field->max))
        return err_set(err, "%s: '%s' is %.17g: it must be from %.17g to %.17g", what, field->name, value, field->min,
                       field->max);
    if (field->kind == FIELD_INT && value != floor(value))
        return err_set(err, "%s: '%s' must be a whole number", what, field->name);
    return 0;
}

static int check_value(const char *what, const struct field *field, const cJSON *value, struct err *err)
{
    if (field->kind == FIELD_OBJECT)
        return cJSON_IsObject(value) ? 0 : err_set(err, "%s: '%s' must be an object", what, field->name);
    bool fits = cJSON_IsArray(value);
    for (const cJSON *item = fits ? value->child : NULL; item && fits; item = item->next)
        fits = cJSON_IsObject(item);
    return fits ? 0 : err_set(err, "%s: '%s' must be a list of objects", what, field->name);
}

static int lacks(const char *what, const char *name, struct err *err)
{
    return err_set(err, "%s lacks '%s'", what, name);
}

/* Decoding */

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
        if (strlen(item->valuestring) > FIELD_ITEM_MAX)
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
            return lacks(what, name, err);
    }
    return train_options_from_json(options, object, err) ? err_prefix(err, "%s", what) : 0;
}

/* `value` is of `object`; what is taken over whole is detached from it. */
static int take(struct msg *msg, const struct field *field, cJSON *object, cJSON *value, struct err *err)
{
    const char *what = msg_type_name(msg->type);
    void *member = member_of(msg, field);
    switch (field->kind) {
    case FIELD_NAME:
    case FIELD_KEY:
    case FIELD_SHA256:
    case FIELD_TEXT:
    case FIELD_MESSAGE:
        if (!cJSON_IsString(value))
            return err_set(err, "%s: '%s' must be a string", what, field->name);
        if (check_text(what, field, value->valuestring, err))
            return -1;
        return msg_set(member, value->valuestring) ? err_set(err, "out of memory") : 0;
    case FIELD_NAMES:
    case FIELD_TEXTS:
        return take_strings(what, field, value, member, err);
    case FIELD_INT:
    case FIELD_NUMBER:
        if (!cJSON_IsNumber(value))
            return err_set(err, "%s: '%s' must be a number", what, field->name);
        if (check_number(what, field, value->valuedouble, err))
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
        if (check_value(what, field, value, err))
            return -1;
        *(cJSON **)member = cJSON_DetachItemViaPointer(object, value);
        return 0;
    case FIELD_OPTIONS:
        break;
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
        return lacks("a message", "type", err);
    for (int i = 0; i < MSG_TYPE_COUNT; i++) {
        const struct message *message = &message_table[i];
        if (!strcmp(name, message->name) || (message->alias && !strcmp(name, message->alias))) {
            *type = (enum msg_type)i;
            return 0;
        }
    }
    return err_set(err, "unknown message type '%.100s'", name);
}

int msg_decode(struct msg *msg, const char *text, size_t len, struct err *err)
{
    msg_init(msg, MSG_ERROR);
    if (len > MSG_MAX)
        return err_set(err, "a message is longer than %d bytes", MSG_MAX);
    cJSON *object = json_parse(text, len, err);
    if (!object)
        return -1;
    int status = read_type(object, &msg->type, err);
    const struct message *message = &message_table[msg->type];
    bool named = find(object, "name"), any_wanted = false, any_found = false;
    const char *any_name = NULL;
    for (size_t i = 0; i < message->field_count && !status; i++) {
        const struct field *field = &message->fields[i];
        if (field->kind == FIELD_OPTIONS) {
            status = take_options(message->name, field, object, &msg->options, err);
            continue;
        }
        cJSON *value = find(object, field->name);
        if (field->presence == FIELD_ANY_OF) {
            any_name = any_name ? any_name : field->name;
            any_wanted = true;
            any_found = any_found || value;
        }
        if (value)
            status = take(msg, field, object, value, err);
        else if (field->presence == FIELD_REQUIRED || (field->presence == FIELD_WITH_NAME && named))
            status = lacks(message->name, field->name, err);
    }
    if (!status && any_wanted && !any_found)
        status = lacks(message->name, any_name, err);
    cJSON_Delete(object);
    return status;
}

/* Encoding */

/* Whether the member holds something; an empty list counts as nothing. */
static bool is_there(const struct msg *msg, const struct field *field)
{
    const void *value = value_of(msg, field);
    switch (field->kind) {
    case FIELD_NAMES:
    case FIELD_TEXTS:
        return ((const struct strings *)value)->count > 0;
    case FIELD_INT:
        return *(const int64_t *)value >= 0;
    case FIELD_NUMBER:
        return isfinite(*(const double *)value);
    case FIELD_BOOL:
        return *(const int *)value >= 0;
    case FIELD_OPTIONS:
        return true;
    default:
        return *(void *const *)value;
    }
}

static int put_strings(const char *what, const struct field *field, const struct strings *strings, struct buf *out,
                       struct err *err)
{
    int failed = buf_puts(out, "[");
    if (strings->count > (size_t)field->max)
        return err_set(err, "%s: '%s' has more than %.0f items", what, field->name, field->max);
    for (size_t i = 0; i < strings->count && !failed; i++) {
        const char *text = strings->items[i];
        if (strlen(text) > FIELD_ITEM_MAX || (field->kind == FIELD_NAMES && !name_is_valid(text)))
            return err_set(err, "%s: '%.300s' is no valid item of '%s'", what, text, field->name);
        failed = (i && buf_puts(out, ", ")) || json_print_string(text, out);
    }
    return failed || buf_puts(out, "]") ? MSG_NO_ROOM : 0;
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

static int put_text(const char *what, const struct field *field, const char *text, bool legacy, struct buf *out,
                    struct err *err)
{
    if (field->kind != FIELD_MESSAGE)
        return check_text(what, field, text, err) ? -1 : json_print_string(text, out) ? MSG_NO_ROOM : 0;
    char *fitting = cut(text, legacy ? MESSAGE_SENT_MAX_LEGACY : MESSAGE_SENT_MAX);
    int failed = !fitting || json_print_string(fitting, out);
    free(fitting);
    return failed ? MSG_NO_ROOM : 0;
}

static int put_member(const struct msg *msg, const struct field *field, bool legacy, struct buf *out, struct err *err)
{
    const char *what = msg_type_name(msg->type);
    const void *value = value_of(msg, field);
    double number;
    switch (field->kind) {
    case FIELD_NAME:
    case FIELD_KEY:
    case FIELD_SHA256:
    case FIELD_TEXT:
    case FIELD_MESSAGE:
        return put_text(what, field, *(char *const *)value, legacy, out, err);
    case FIELD_NAMES:
    case FIELD_TEXTS:
        return put_strings(what, field, value, out, err);
    case FIELD_INT:
    case FIELD_NUMBER:
        number = field->kind == FIELD_INT ? (double)*(const int64_t *)value : *(const double *)value;
        return check_number(what, field, number, err) ? -1 : json_print_number(number, out) ? MSG_NO_ROOM : 0;
    case FIELD_BOOL:
        return buf_puts(out, *(const int *)value ? "true" : "false") ? MSG_NO_ROOM : 0;
    case FIELD_OBJECT:
    case FIELD_OBJECTS:
        if (check_value(what, field, *(cJSON *const *)value, err))
            return -1;
        return json_print_spaced(*(cJSON *const *)value, out) ? MSG_NO_ROOM : 0;
    case FIELD_OPTIONS:
        break;
    }
    return 0;
}

static int put_options(const struct msg *msg, bool legacy, struct buf *out, struct err *err)
{
    cJSON *object = cJSON_CreateObject();
    struct train_options checked;
    train_options_init(&checked);
    int status = !object || train_options_to_json(&msg->options, object) ? err_set(err, "out of memory") : 0;
    if (!status && train_options_from_json(&checked, object, err))
        status = err_prefix(err, "%s", msg_type_name(msg->type));
    for (const cJSON *value = object ? object->child : NULL; value && !status; value = value->next) {
        if (legacy && !train_option_by_name(value->string)->legacy)
            continue;
        if (buf_puts(out, ", ") || json_print_string(value->string, out) || buf_puts(out, ": ") ||
            json_print_spaced(value, out))
            status = MSG_NO_ROOM;
    }
    cJSON_Delete(object);
    return status;
}

static int put_message(const struct msg *msg, bool legacy, struct buf *out, struct err *err)
{
    const struct message *message = &message_table[msg->type];
    bool any_wanted = false, any_found = false;
    const char *any_name = NULL;
    int status = buf_puts(out, "{\"type\": ") || json_print_string(message->name, out) ? MSG_NO_ROOM : 0;
    for (size_t i = 0; i < message->field_count && !status; i++) {
        const struct field *field = &message->fields[i];
        bool there = is_there(msg, field);
        bool needed = field->presence == FIELD_REQUIRED || (field->presence == FIELD_WITH_NAME && msg->name);
        if (field->presence == FIELD_ANY_OF) {
            any_name = any_name ? any_name : field->name;
            any_wanted = true;
            any_found |= there;
        }
        if (needed && (field->kind == FIELD_NAMES || field->kind == FIELD_TEXTS))
            there = true; /* an empty one */
        if (!there && needed)
            status = lacks(message->name, field->name, err);
        if (!there || (legacy && field->since > 0))
            continue;
        if (field->kind == FIELD_OPTIONS)
            status = put_options(msg, legacy, out, err);
        else if (buf_puts(out, ", \"") || buf_puts(out, field->name) || buf_puts(out, "\": "))
            status = MSG_NO_ROOM;
        else
            status = put_member(msg, field, legacy, out, err);
    }
    if (!status && any_wanted && !any_found)
        status = lacks(message->name, any_name, err);
    if (!status && buf_puts(out, "}\n"))
        status = MSG_NO_ROOM;
    return status;
}

int msg_put(const struct msg *msg, bool legacy, size_t max, struct buf *out, struct err *err)
{
    size_t start = out->len;
    int status = put_message(msg, legacy, out, err);
    if (!status && out->len - start > max)
        status = MSG_NO_ROOM;
    if (status) {
        out->len = start;
        if (out->data)
            out->data[start] = '\0';
    }
    return status;
}

int msg_encode(const struct msg *msg, struct buf *out, struct err *err)
{
    int status = msg_put(msg, false, MSG_MAX, out, err);
    if (status == MSG_NO_ROOM)
        return err_set(err, "%s is too long to send, nested too deep, or memory lacks", msg_type_name(msg->type));
    return status;
}
