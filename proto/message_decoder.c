/* Frames, decoded. */
#include "dcls/proto/message_decoder.h"

enum message_event message_decoder_next(struct frame *frame, struct msg *msg, const char **text, size_t *len,
                                        struct err *why)
{
    switch (frame_next(frame, text, len)) {
    case FRAME_TEXT: return msg_decode(msg, *text, *len, why) ? MESSAGE_REFUSED : MESSAGE_WHOLE;
    case FRAME_TOO_LONG:
        err_set(why, "a message is longer than %d bytes", MSG_MAX);
        msg_init(msg, MSG_ERROR);
        return MESSAGE_REFUSED;
    case FRAME_MORE: break;
    }
    msg_init(msg, MSG_ERROR);
    return MESSAGE_MORE;
}
