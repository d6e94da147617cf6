/* libde265 leaves the samples of a picture as they lay in memory where a damaged slice ends early, and says nothing of
 * it: the same file would be another image each time. It takes pictures from posix_memalign and can be given no other
 * allocator through libheif, so that function stands here before the system's: for a thread that decodes such a file it
 * gives zeros, for all others, oneDNN's among them, what the system gives. */
#include "heif_memory.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local bool zero;

void heif_memory_zeroed(bool zeroed)
{
    zero = zeroed;
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    if (!alignment || alignment % sizeof(void *) || alignment & (alignment - 1))
        return EINVAL;
    if (size > SIZE_MAX - alignment)
        return ENOMEM;
    void *given = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (!given)
        return ENOMEM;
    if (zero)
        memset(given, 0, size);
    *memory = given;
    return 0;
}
