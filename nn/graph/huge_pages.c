/* See huge_pages.h. */
#include "huge_pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE ((size_t)2 << 20)
#define ALIGNMENT ((size_t)64)
#ifdef __SANITIZE_ADDRESS__ /* which sees nothing of what the system gives directly */
#define PAGES_FROM ((size_t)1 << 40)
#else
#define PAGES_FROM PAGE
#endif

static size_t rounded(size_t bytes, size_t to)
{
    return bytes > SIZE_MAX - to ? 0 : (bytes + to - 1) / to * to;
}

/* The system gives any address: what lies before and behind the large pages goes back; should that be refused, it stays
 * unused. */
static void *pages_new(size_t bytes)
{
    size_t all = rounded(bytes, PAGE) + PAGE;
    char *memory =
        all > PAGE ? mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
    if (memory == MAP_FAILED)
        return NULL;
    size_t before = (PAGE - (uintptr_t)memory % PAGE) % PAGE;
    if (before)
        munmap(memory, before);
    munmap(memory + all - (PAGE - before), PAGE - before);
    madvise(memory + before, all - PAGE, MADV_HUGEPAGE); /* no matter if refused */
    return memory + before;
}

void *huge_pages_alloc(size_t bytes)
{
    if (bytes >= PAGES_FROM)
        return pages_new(bytes);
    size_t size = rounded(bytes ? bytes : 1, ALIGNMENT);
    void *memory = aligned_alloc(ALIGNMENT, size);
    return memory ? memset(memory, 0, size) : NULL;
}

void huge_pages_free(void *memory, size_t bytes)
{
    if (memory && bytes >= PAGES_FROM)
        munmap(memory, rounded(bytes, PAGE));
    else
        free(memory);
}
