/* A table from samples to places in one allocation, filled from its start. The operating system provides its pages
 * when they are first written, so that what is reserved and never filled costs nothing. */
#include "cache.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/cgroup.h"

struct cache {
    size_t bytes, capacity;
    atomic_size_t used;     /* places given away; may pass capacity by as many as there are threads */
    const uint8_t **places; /* (count): where a sample lies; NULL: nowhere */
    uint8_t *pixels;        /* (capacity, bytes) */
};

struct cache *cache_new(size_t count, size_t bytes, size_t limit, struct err *err)
{
    struct cache *cache = calloc(1, sizeof(*cache));
    size_t capacity = limit / bytes < count ? limit / bytes : count;
    if (cache) {
        cache->bytes = bytes;
        cache->places = calloc(count ? count : 1, sizeof(*cache->places));
        /* A process may be allowed less than is free. */
        while (capacity && !(cache->pixels = malloc(capacity * bytes)))
            capacity /= 2;
        cache->capacity = capacity;
    }
    if (!cache || !cache->places) {
        err_set(err, "no memory to keep images of a split of %zu", count);
        cache_free(cache);
        return NULL;
    }
    return cache;
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    free(cache->places);
    free(cache->pixels);
    free(cache);
}

size_t cache_bytes(const struct cache *cache)
{
    return cache->capacity * cache->bytes;
}

const uint8_t *cache_get(const struct cache *cache, size_t sample)
{
    return cache->places[sample];
}

void cache_put(struct cache *cache, size_t sample, const uint8_t *pixels)
{
    if (atomic_load_explicit(&cache->used, memory_order_relaxed) >= cache->capacity)
        return;
    size_t place = atomic_fetch_add_explicit(&cache->used, 1, memory_order_relaxed);
    if (place >= cache->capacity)
        return;
    cache->places[sample] = memcpy(cache->pixels + place * cache->bytes, pixels, cache->bytes);
}

/* What the kernel has for programs without swapping, in bytes; CGROUP_NO_LIMIT where it does not say. */
static uint64_t machine_free(void)
{
    char line[256];
    unsigned long long kib;
    uint64_t bytes = CGROUP_NO_LIMIT;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && bytes == CGROUP_NO_LIMIT && fgets(line, sizeof(line), file))
        if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
            bytes = (uint64_t)kib * 1024;
    if (file)
        fclose(file);
    return bytes;
}

size_t cache_limit(size_t wanted)
{
    struct cgroup_limits limits;
    uint64_t bytes = machine_free();
    cgroup_read("", &limits);
    if (limits.memory_free < bytes)
        bytes = limits.memory_free;
    return bytes / 4 < wanted ? (size_t)(bytes / 4) : wanted;
}
