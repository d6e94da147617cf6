/* Decoded and resized images of one split in memory, so that later epochs open no file. First come, first kept: what
 * does not fit is decoded anew each epoch. */
#ifndef DCLS_NN_CACHE_H
#define DCLS_NN_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"

struct cache;

/* For samples 0 to count - 1 of `bytes` each, within `limit` bytes: as many as can be reserved here. NULL with err. */
struct cache *cache_new(size_t count, size_t bytes, size_t limit, struct err *err);
void cache_free(struct cache *cache);
size_t cache_bytes(const struct cache *cache); /* what is reserved */

/* Threads may ask for and keep different samples at the same time, and one sample after another thread is done with
 * it. */
const uint8_t *cache_get(const struct cache *cache, size_t sample); /* NULL: not here */
void cache_put(struct cache *cache, size_t sample, const uint8_t *pixels);

/* `wanted`, or a quarter of the memory that is free, on the machine and within its control groups, where that is less.
 */
size_t cache_limit(size_t wanted);

#endif
