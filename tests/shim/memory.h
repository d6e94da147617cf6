/* Allocations that fail, where a unit test wants one to: it includes this file, and what the whole program allocates
 * passes through here. */
#ifndef TESTS_SHIM_MEMORY_H
#define TESTS_SHIM_MEMORY_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define MEMORY_REAL(name) __interceptor_##name
#else
#define MEMORY_REAL(name) __libc_##name
#endif
extern void *MEMORY_REAL(malloc)(size_t), *MEMORY_REAL(calloc)(size_t, size_t), *MEMORY_REAL(realloc)(void *, size_t);

static struct {
    long left; /* the allocation that fails, counted from now; 0: none */
    bool failed;
} memory;

/* The `at`-th allocation from now on fails, from 1; of all threads. */
static inline void memory_fail_at(long at)
{
    memory.failed = false;
    memory.left = at;
}

/* Whether it did; from now on none fails. */
static inline bool memory_failed(void)
{
    memory.left = 0;
    return memory.failed;
}

/* The thread sanitizer looks for its functions by allocating, before it can be told of any. */
#define MEMORY_UNWATCHED __attribute__((no_sanitize("thread")))

MEMORY_UNWATCHED static bool memory_fails(void)
{
    if (!memory.left || --memory.left)
        return false;
    errno = ENOMEM;
    memory.failed = true;
    return true;
}

MEMORY_UNWATCHED void *malloc(size_t size)
{
    return memory_fails() ? NULL : MEMORY_REAL(malloc)(size);
}

MEMORY_UNWATCHED void *calloc(size_t count, size_t size)
{
    return memory_fails() ? NULL : MEMORY_REAL(calloc)(count, size);
}

MEMORY_UNWATCHED void *realloc(void *old, size_t size)
{
    return memory_fails() ? NULL : MEMORY_REAL(realloc)(old, size);
}

/* A sanitizer has these without the above. */

void *reallocarray(void *old, size_t count, size_t size)
{
    return size && count > SIZE_MAX / size ? NULL : realloc(old, count * size);
}

char *strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

#endif
