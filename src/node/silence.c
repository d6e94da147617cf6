/* See silence.h. */
#include "silence.h"

void silence_end(struct silence *silence, int64_t now)
{
    *silence = (struct silence){ .heard_ms = now, .looked_ms = now };
}

int64_t silence_look(struct silence *silence, int64_t now)
{
    int64_t gap = now - silence->looked_ms;
    if (gap > SILENCE_GAP_MS)
        silence->heard_ms += gap;
    silence->looked_ms = now;
    return now - silence->heard_ms;
}
