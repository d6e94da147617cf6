/* The one table of message types and their fields; PROTOCOL.md shows the same, for people. */
#ifndef DCLS_PROTO_MSG_TABLE_H
#define DCLS_PROTO_MSG_TABLE_H

#include <stddef.h>

#include "dcls/proto/msg.h"
#include "msg_field.h"

struct msg_spec {
    const char *name, *alias; /* alias: another spelling that is understood, or NULL */
    int since;
    unsigned senders; /* of enum msg_sender */
    const struct field *fields;
    size_t field_count;
};

extern const struct msg_spec msg_table[MSG_TYPE_COUNT];

#endif
