/* JSON text: what must hold before cJSON may see it, and how it is printed.
 *
 * cJSON neither checks UTF-8 nor refuses \u0000, which would end a C string early: a name checked here and compared
 * there would not be the same. It also recurses a thousand levels; a few tens are plenty for any message. */
#include "dcls/proto/json.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/utf8.h"

/* ASCII that means nothing to check(): nearly all of a message. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && (c | 0x20) != '{' && (c | 0x20) != '}';
}

static int check(const unsigned char *text, size_t len, struct err *err)
{
    int levels = 0;
    bool in_string = false;
    for (size_t i = 0; i < len;) {
        if (is_plain(text[i])) {
            i++;
            continue;
        }
        size_t size = utf8_size((const char *)text + i, len - i);
        if (!size)
            return err_set(err, "not valid UTF-8");
        if (!text[i])
            return err_set(err, "a NUL in a message");
        if (in_string && text[i] < 0x20)
            return err_set(err, "a control character in a string");
        if (in_string && text[i] == '\\') {
            if (len - i >= 6 && !memcmp(text + i + 1, "u0000", 5))
                return err_set(err, "a NUL in a string");
            /* What is escaped is one byte further, or no JSON. */
            i += len - i >= 2 && text[i + 1] >= 0x20 && text[i + 1] < 0x80 ? 2 : 1;
            continue;
        }
        if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == '{' || text[i] == '[') && ++levels > JSON_LEVELS_MAX)
            return err_set(err, "nested deeper than %d levels", JSON_LEVELS_MAX);
        else if (!in_string && (text[i] == '}' || text[i] == ']'))
            levels--;
        i += size;
    }
    return 0;
}

/* A text that ends with a NUL: cJSON 1.7.15 looks one byte past one that ends after a comma. */
static cJSON *parse_whole(const char *text)
{
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(text, strlen(text) + 1, &end, false);
    if (value && end[strspn(end, " \t\r\n")]) {
        cJSON_Delete(value);
        value = NULL;
    }
    return value;
}

/* Appends the text with null in place of what json.dumps of Python writes for a number that is not finite. -1 where
 * memory lacks. */
static int replace_non_finite(const char *text, struct buf *out)
{
    static const char *const words[] = { "NaN", "Infinity", "-Infinity" };
    bool in_string = false;
    while (*text) {
        size_t size = *text == '\\' && text[1] ? 2 : 1;
        const char *as = text;
        in_string ^= *text == '"';
        for (size_t i = 0; i < sizeof words / sizeof *words && !in_string; i++)
            if (!strncmp(text, words[i], strlen(words[i]))) {
                as = "null";
                size = strlen(words[i]);
            }
        if (buf_append(out, as, as == text ? size : strlen(as)))
            return -1;
        text += size;
    }
    return 0;
}

cJSON *json_parse(const char *text, size_t len, struct err *err)
{
    if (check((const unsigned char *)text, len, err))
        return NULL;
    struct buf copy, finite;
    buf_init(&copy, len + 1);
    buf_init(&finite, 2 * len + 1); /* NaN grows by a third */
    cJSON *value = NULL;
    if (buf_append(&copy, text, len)) {
        err_set(err, "out of memory");
        goto out;
    }
    value = parse_whole(buf_text(&copy));
    if (!value && !replace_non_finite(buf_text(&copy), &finite))
        value = parse_whole(buf_text(&finite));
    if (!value)
        err_set(err, "not valid JSON");
out:
    buf_release(&copy);
    buf_release(&finite);
    return value;
}

int json_print_string(const char *text, struct buf *out)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t left = strlen(text);
    int failed = buf_append(out, "\"", 1);
    while (left && !failed) {
        /* A run of what needs no change goes in one piece. */
        size_t run = 0, size = 0;
        while (run < left && at[run] >= 0x20 && at[run] != '"' && at[run] != '\\' &&
               (size = utf8_size((const char *)at + run, left - run)))
            run += size;
        failed = buf_append(out, at, run);
        at += run;
        left -= run;
        if (!left || failed)
            break;
        switch (*at) {
        case '"': failed = buf_puts(out, "\\\""); break;
        case '\\': failed = buf_puts(out, "\\\\"); break;
        case '\n': failed = buf_puts(out, "\\n"); break;
        case '\r': failed = buf_puts(out, "\\r"); break;
        case '\t': failed = buf_puts(out, "\\t"); break;
        case '\b': failed = buf_puts(out, "\\b"); break;
        case '\f': failed = buf_puts(out, "\\f"); break;
        default: failed = *at < 0x20 ? buf_printf(out, "\\u%04x", *at) : buf_puts(out, "\xef\xbf\xbd"); break;
        }
        at++;
        left--;
    }
    return failed ? -1 : buf_append(out, "\"", 1);
}

size_t json_string_size(const char *text)
{
    static const size_t replacement = sizeof "\xef\xbf\xbd" - 1, code = sizeof "\\u0000" - 1;
    size_t bytes = 2;
    for (size_t left = strlen(text), size; left; text += size, left -= size) {
        size_t whole = utf8_size(text, left);
        size = whole ? whole : 1;
        if (!whole)
            bytes += replacement;
        else if (strchr("\"\\\n\r\t\b\f", *text))
            bytes += 2;
        else
            bytes += (unsigned char)*text < 0x20 ? code : size;
    }
    return bytes;
}

int json_print_number(double value, struct buf *out)
{
    if (!isfinite(value))
        return -1;
    if (value == floor(value) && fabs(value) <= 9007199254740992.0)
        return buf_printf(out, "%lld", (long long)value);
    char text[32];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return buf_puts(out, text);
}

static int print(const cJSON *value, struct buf *out, int levels)
{
    if (cJSON_IsString(value))
        return json_print_string(value->valuestring, out);
    if (cJSON_IsNumber(value)) /* JSON has no word for what is not finite */
        return isfinite(value->valuedouble) ? json_print_number(value->valuedouble, out) : buf_puts(out, "null");
    if (cJSON_IsBool(value))
        return buf_puts(out, cJSON_IsTrue(value) ? "true" : "false");
    if (cJSON_IsNull(value))
        return buf_puts(out, "null");
    if (cJSON_IsRaw(value))
        return buf_puts(out, value->valuestring);
    /* A level is left for the message around it. */
    if ((!cJSON_IsObject(value) && !cJSON_IsArray(value)) || levels >= JSON_LEVELS_MAX)
        return -1;
    bool object = cJSON_IsObject(value);
    int failed = buf_puts(out, object ? "{" : "[");
    for (const cJSON *child = value->child; child && !failed; child = child->next) {
        failed = (child != value->child && buf_puts(out, ", ")) ||
                 (object && (json_print_string(child->string, out) || buf_puts(out, ": "))) ||
                 print(child, out, levels + 1);
    }
    return failed ? -1 : buf_puts(out, object ? "}" : "]");
}

bool json_add(cJSON *object, const char *name, cJSON *item)
{
    if (cJSON_AddItemToObject(object, name, item))
        return true;
    cJSON_Delete(item);
    return false;
}

bool json_append(cJSON *list, cJSON *item)
{
    if (cJSON_AddItemToArray(list, item))
        return true;
    cJSON_Delete(item);
    return false;
}

cJSON *json_if_whole(cJSON *object, bool whole)
{
    if (whole)
        return object;
    cJSON_Delete(object);
    return NULL;
}

const char *json_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

double json_number(const cJSON *object, const char *name, double fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : fallback;
}

int json_int(const cJSON *object, const char *name, int fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valueint : fallback;
}

cJSON *json_find(const cJSON *list, const char *name, const char *value)
{
    cJSON *object;
    cJSON_ArrayForEach(object, list)
    {
        const char *text = json_text(object, name);
        if (text && !strcmp(text, value))
            return object;
    }
    return NULL;
}

int json_print_spaced(const cJSON *value, struct buf *out)
{
    size_t start = out->len;
    if (value && !print(value, out, 1))
        return 0;
    buf_cut(out, start);
    return -1;
}
