/* Writing messages of Protocol Buffers (its wire format, version 3): each call appends one field. A message within a
 * message is written into a buffer of its own first, since its length stands in front of it. -1 where memory lacks. */
#ifndef DCLS_NN_PROTOBUF_H
#define DCLS_NN_PROTOBUF_H

#include <stdint.h>

#include "dcls/base/buf.h"

int protobuf_int(struct buf *out, int field, int64_t value);
int protobuf_float(struct buf *out, int field, float value);
int protobuf_bytes(struct buf *out, int field, const void *bytes, size_t count);
int protobuf_text(struct buf *out, int field, const char *text);
/* Appends `message` and empties it for the next. */
int protobuf_message(struct buf *out, int field, struct buf *message);

#endif
