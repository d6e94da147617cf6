/* How long to wait before another try: the first time `first_ms`, then twice as long each time, at most `last_ms`.
 * `failures`: how many tries failed in a row before this one. Pure. */
#ifndef DCLS_BASE_BACKOFF_H
#define DCLS_BASE_BACKOFF_H

#include <stdint.h>

int64_t backoff_ms(int failures, int64_t first_ms, int64_t last_ms);

#endif
