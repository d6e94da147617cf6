/* The most memory that this process had resident at once, in bytes; 0 where /proc does not tell. */
#ifndef DCLS_BENCH_MEMORY_H
#define DCLS_BENCH_MEMORY_H

#include <stdint.h>

int64_t memory_peak(void);

#endif
