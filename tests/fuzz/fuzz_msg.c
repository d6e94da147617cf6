/* Fuzzes framing and decoding: bytes as from a peer, in pieces, through the splitter and the decoder. Whatever decodes
 * must encode, within the limit, to what decodes to the same again; its legacy form must decode too and keep to its
 * size. The first byte of the input says how long the pieces are. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/frame.h"
#include "dcls/proto/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_MAX_FUZZED = 65536 };

static void die(const char *what, const char *text)
{
    fprintf(stderr, "%s: %s\n", what, text);
    abort();
}

static void check(const char *text, size_t len)
{
    struct msg msg, again;
    struct buf first, second, legacy;
    struct err err = ERR_INIT;
    buf_init(&first, MSG_MAX);
    buf_init(&second, MSG_MAX);
    buf_init(&legacy, MSG_MAX);
    if (msg_decode(&msg, text, len, &err)) {
        if (!err.text[0] || strchr(err.text, '\n'))
            die("no reason in one line", err.text);
        msg_release(&msg);
        return;
    }
    if (msg_encode(&msg, &first, &err))
        die("what was taken is not sent", err.text);
    if (msg_decode(&again, first.data, first.len, &err))
        die("what was sent is not taken", err.text);
    if (again.type != msg.type || msg_encode(&again, &second, &err) || strcmp(first.data, second.data))
        die("it does not come back the same", first.data);
    msg_release(&again);
    if (!msg_encode_legacy(&msg, &legacy, &err)) {
        if (legacy.len > MSG_MAX_LEGACY)
            die("the legacy form is too long", legacy.data);
        if (msg_decode(&again, legacy.data, legacy.len, &err))
            die("the legacy form is not taken", err.text);
        msg_release(&again);
    }
    msg_release(&msg);
    buf_release(&first);
    buf_release(&second);
    buf_release(&legacy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame frame;
    if (!size)
        return 0;
    size_t piece = data[0] + 1u;
    frame_init(&frame, LINE_MAX_FUZZED);
    for (size_t at = 1; at < size; at += piece) {
        const char *text;
        size_t len, count = size - at < piece ? size - at : piece;
        enum frame_event event;
        if (frame_feed(&frame, data + at, count))
            die("a drained frame refuses bytes", "");
        while ((event = frame_next(&frame, &text, &len)) == FRAME_TEXT || event == FRAME_TOO_LONG) {
            if (event == FRAME_TEXT && len > LINE_MAX_FUZZED)
                die("a text is longer than the maximum", "");
            if (event == FRAME_TEXT)
                check(text, len);
        }
    }
    frame_release(&frame);
    return 0;
}
