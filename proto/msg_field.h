/* A message's members: of what kind each is, and what decoding and encoding both check, so that what one side sends the
 * other takes. `what` is the message's name. */
#ifndef DCLS_PROTO_MSG_FIELD_H
#define DCLS_PROTO_MSG_FIELD_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "dcls/base/err.h"

enum field_kind {
    FIELD_NAME,     /* of a node or a model: char * */
    FIELD_KEY,      /* char * */
    FIELD_SHA256,   /* 64 lower-case hex digits: char * */
    FIELD_TEXT,     /* char *, at most max bytes */
    FIELD_MESSAGE,  /* for people: as FIELD_TEXT, but cut where it is sent */
    FIELD_NAMES,    /* struct strings, at most max; items that are no names are passed over */
    FIELD_TEXTS,    /* struct strings, at most max items of FIELD_ITEM_MAX bytes */
    FIELD_MESSAGES, /* struct strings, at most max items for people */
    FIELD_INT,      /* int64_t, min to max */
    FIELD_NUMBER,   /* double, min to max */
    FIELD_BOOL,     /* int */
    FIELD_OBJECT,   /* cJSON * */
    FIELD_OBJECTS,  /* cJSON *, an array of objects */
    FIELD_OPTIONS   /* struct train_options: each option is a member of the message itself */
};

enum { FIELD_ITEM_MAX = 256, FIELD_MESSAGE_MAX = 16384 }; /* bytes */

enum field_presence {
    FIELD_OPTIONAL,
    FIELD_REQUIRED,
    FIELD_WITH_NAME, /* required where `name` is there: what a request for it leaves out */
    FIELD_ANY_OF     /* at least one of those so marked */
};

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset; /* in struct msg */
    enum field_presence presence;
    int since; /* the protocol that brought it; 0: known to every peer */
    double min, max;
};

bool field_is_list(const struct field *field);    /* whether its member is a struct strings */
size_t field_item_max(const struct field *field); /* bytes of an item of such a list */
int field_check_text(const char *what, const struct field *field, const char *text, struct err *err);
int field_check_number(const char *what, const struct field *field, double value, struct err *err);
int field_check_json(const char *what, const struct field *field, const cJSON *value, struct err *err);

/* Which members a message has: every field is noted once, then the whole is checked. */
struct presence {
    const char *what;
    bool has_name;
    const char *any_of; /* the first field of which one is needed; NULL: none */
    bool any_found;
};

bool presence_needs(const struct presence *presence, const struct field *field);
int presence_note(struct presence *presence, const struct field *field, bool is_there, struct err *err);
int presence_check(const struct presence *presence, struct err *err);

#endif
