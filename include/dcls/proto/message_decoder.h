/* Bytes of a peer into messages: frames, then their decoding. Feed what was read to the frame, whose maximum is
 * MSG_MAX, then call message_decoder_next until it returns MESSAGE_MORE. */
#ifndef DCLS_PROTO_MESSAGE_DECODER_H
#define DCLS_PROTO_MESSAGE_DECODER_H

#include <stddef.h>

#include "dcls/base/err.h"
#include "dcls/proto/frame.h"
#include "dcls/proto/msg.h"

enum message_event {
    MESSAGE_MORE,      /* bytes are needed */
    MESSAGE_WHOLE,     /* `msg` */
    MESSAGE_REFUSED,   /* what came is no message, `why` says why not */
    MESSAGE_NO_MEMORY, /* one is lost that the peer takes for heard: the connection has to end */
};

/* *text, *len: the message as it came, valid until the next call; NULL for one that was too long. `msg` is initialised
 * always and must be released. */
enum message_event message_decoder_next(struct frame *frame, struct msg *msg, const char **text, size_t *len,
                                        struct err *why);

#endif
