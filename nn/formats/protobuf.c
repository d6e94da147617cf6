/* See protobuf.h: tags, varints and lengths. */
#include "protobuf.h"

#include <string.h>

enum wire_type { WIRE_VARINT = 0, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

static int put_varint(struct buf *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t count = 0;
    do {
        bytes[count++] = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
        value >>= 7;
    } while (value);
    return buf_append(out, bytes, count);
}

static int put_tag(struct buf *out, int field, enum wire_type type)
{
    return put_varint(out, (uint64_t)field << 3 | type);
}

int protobuf_int(struct buf *out, int field, int64_t value)
{
    if (put_tag(out, field, WIRE_VARINT))
        return -1;
    return put_varint(out, (uint64_t)value);
}

int protobuf_float(struct buf *out, int field, float value)
{
    if (put_tag(out, field, WIRE_FIXED32))
        return -1;
    return buf_append(out, &value, sizeof(value));
}

int protobuf_bytes(struct buf *out, int field, const void *bytes, size_t count)
{
    if (put_tag(out, field, WIRE_LENGTH) || put_varint(out, count))
        return -1;
    return buf_append(out, bytes, count);
}

int protobuf_text(struct buf *out, int field, const char *text)
{
    return protobuf_bytes(out, field, text, strlen(text));
}

int protobuf_message(struct buf *out, int field, struct buf *message)
{
    int status = protobuf_bytes(out, field, message->data, message->len);
    buf_clear(message);
    return status;
}
