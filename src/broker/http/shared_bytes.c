/* A count of holders. */
#include "shared_bytes.h"

#include <assert.h>
#include <stdlib.h>

struct shared_bytes *shared_bytes_new(char *bytes, size_t size)
{
    struct shared_bytes *shared = bytes ? malloc(sizeof *shared) : NULL;
    if (!shared) {
        free(bytes);
        return NULL;
    }
    *shared = (struct shared_bytes){ .size = size, .bytes = bytes, .holders = 1 };
    return shared;
}

struct shared_bytes *shared_bytes_hold(struct shared_bytes *shared)
{
    shared->holders++;
    return shared;
}

void shared_bytes_let_go(struct shared_bytes *shared)
{
    if (!shared)
        return;
    assert(shared->holders > 0);
    if (--shared->holders > 0)
        return;
    free(shared->bytes);
    free(shared);
}
