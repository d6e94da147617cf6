/* The one table of message types and their fields; PROTOCOL.md shows the same, for people. */
#ifndef DCLS_PROTO_MSG_TABLE_H
#define DCLS_PROTO_MSG_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/proto/msg.h"

enum field_kind {
    FIELD_NAME,    /* of a node or a model: char * */
    FIELD_KEY,     /* char * */
    FIELD_SHA256,  /* 64 lower-case hex digits: char * */
    FIELD_TEXT,    /* char *, at most max bytes */
    FIELD_MESSAGE, /* for people: as FIELD_TEXT, but cut where it is sent */
    FIELD_NAMES,   /* struct strings, at most max; items that are no names are passed over */
    FIELD_TEXTS,   /* struct strings, at most max items of FIELD_ITEM_MAX bytes */
    FIELD_INT,     /* int64_t, min to max */
    FIELD_NUMBER,  /* double, min to max */
    FIELD_BOOL,    /* int */
    FIELD_OBJECT,  /* cJSON * */
    FIELD_OBJECTS, /* cJSON *, an array of objects */
    FIELD_OPTIONS  /* struct train_options: each option is a member of the message itself */
};

enum { FIELD_ITEM_MAX = 256 };

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

struct message {
    const char *name, *alias; /* alias: another spelling that is understood, or NULL */
    int since;
    unsigned senders; /* of enum msg_sender */
    const struct field *fields;
    size_t field_count;
};

extern const struct message message_table[MSG_TYPE_COUNT];

#endif
