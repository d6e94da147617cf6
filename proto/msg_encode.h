/* Encoding, as messages between dcls peers and the legacy form share it. */
#ifndef DCLS_PROTO_MSG_ENCODE_H
#define DCLS_PROTO_MSG_ENCODE_H

#include "dcls/proto/msg.h"

/* The message as it is cannot be sent in so many bytes: shorter, it might. */
enum { MSG_NO_ROOM = 1 };

/* Appends the message, newline included, of at most `max` bytes. 0, -1 with err, or MSG_NO_ROOM without; `out` is as it
 * was where it is not 0. */
int msg_put(const struct msg *msg, bool legacy, size_t max, struct buf *out, struct err *err);

#endif
