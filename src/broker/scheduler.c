/* Where an inference goes. */
#include "scheduler.h"

#include <string.h>

static bool better_for_inference(const struct schedule_holder *a, const struct schedule_holder *b)
{
    if (a->pending != b->pending)
        return a->pending < b->pending;
    return b->trains && !a->trains;
}

enum schedule_inference schedule_inference(const struct schedule_holder *holders, size_t count, size_t *found)
{
    if (!count)
        return SCHEDULE_NONE;
    const char *digest = NULL;
    *found = 0;
    for (size_t i = 0; i < count; i++) {
        if (holders[i].sha256 && digest && strcmp(digest, holders[i].sha256))
            return SCHEDULE_AMBIGUOUS;
        digest = holders[i].sha256 ? holders[i].sha256 : digest;
        if (better_for_inference(&holders[i], &holders[*found]))
            *found = i;
    }
    return SCHEDULE_FOUND;
}
