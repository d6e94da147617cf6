/* JSON text beyond what cJSON does: a check before parsing, and printing as Python's json.dumps spaces it. */
#ifndef DCLS_PROTO_JSON_H
#define DCLS_PROTO_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "dcls/base/buf.h"
#include "dcls/base/err.h"

enum { JSON_LEVELS_MAX = 64 };

/* Parses a whole text: valid UTF-8, no NUL (nor \u0000), no control character in a string, at most JSON_LEVELS_MAX
 * levels, nothing behind the value. NaN, Infinity and -Infinity, which Python writes though they are no JSON, are null.
 * The caller frees it; NULL with err otherwise. */
cJSON *json_parse(const char *text, size_t len, struct err *err);

/* Appends a quoted string; what is no UTF-8 becomes U+FFFD. */
int json_print_string(const char *text, struct buf *out);
/* The bytes that it appends. */
size_t json_string_size(const char *text);
/* Appends a finite number: whole ones without a decimal point, others by the fewest digits that read back the same. */
int json_print_number(double value, struct buf *out);
/* Appends any value as Python's json.dumps spaces it (", " and ": "), and a raw one, JSON that was printed before, as
 * it is; `out` is as it was where this is -1. */
int json_print_spaced(const cJSON *value, struct buf *out);

/* Takes `item`, also where it cannot be put there: false, where that or either of them lacks for want of memory. */
bool json_add(cJSON *object, const char *name, cJSON *item);
bool json_append(cJSON *list, cJSON *item);

/* The object where it is `whole`, else NULL: it is freed then. */
cJSON *json_if_whole(cJSON *object, bool whole);

/* A member that is a string; NULL where it is absent, something else, or `object` is no object (or NULL). */
const char *json_text(const cJSON *object, const char *name);
/* A member that is a number; `fallback` likewise. */
double json_number(const cJSON *object, const char *name, double fallback);
/* The same as an int, cut to what that holds. */
int json_int(const cJSON *object, const char *name, int fallback);
/* The first object of a list that has such a member; NULL: none. */
cJSON *json_find(const cJSON *list, const char *name, const char *value);

#endif
