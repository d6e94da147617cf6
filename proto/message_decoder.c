/* Frames, decoded. */
#include "dcls/proto/message_decoder.h"

void message_decoder_init(struct message_decoder *decoder)
{
    frame_init(&decoder->frame, MSG_MAX);
}

void message_decoder_release(struct message_decoder *decoder)
{
    frame_release(&decoder->frame);
}

int message_decoder_feed(struct message_decoder *decoder, const void *bytes, size_t count)
{
    return frame_feed(&decoder->frame, bytes, count);
}

enum message_event message_decoder_next(struct message_decoder *decoder, struct msg *msg, const char **text,
                                        size_t *len, struct err *why)
{
    switch (frame_next(&decoder->frame, text, len)) {
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
