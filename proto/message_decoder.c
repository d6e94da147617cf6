/* Frames, decoded. */
#include "dcls/proto/message_decoder.h"

#include <errno.h>

/* cJSON does not tell whether a text is no JSON or memory was lacking; malloc does. */
static enum message_event decode(struct msg *msg, const char *text, size_t len, struct err *why)
{
    errno = 0;
    if (!msg_decode(msg, text, len, why))
        return MESSAGE_WHOLE;
    return errno == ENOMEM ? MESSAGE_NO_MEMORY : MESSAGE_REFUSED;
}

enum message_event message_decoder_next(struct frame *frame, struct msg *msg, const char **text, size_t *len,
                                        struct err *why)
{
    switch (frame_next(frame, text, len)) {
    case FRAME_TEXT: return decode(msg, *text, *len, why);
    case FRAME_TOO_LONG:
        err_set(why, "a message is longer than %d bytes", MSG_MAX);
        msg_init(msg, MSG_ERROR);
        return MESSAGE_REFUSED;
    case FRAME_MORE: break;
    }
    msg_init(msg, MSG_ERROR);
    return MESSAGE_MORE;
}
