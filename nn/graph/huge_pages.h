/* Memory for floats by the megabyte: weights, gradients, moments, activations. */
#ifndef DCLS_NN_HUGE_PAGES_H
#define DCLS_NN_HUGE_PAGES_H

#include <stddef.h>

/* All 0, aligned to 64 bytes; NULL where there is none. From 2 MiB on it comes from the system afresh, so that no page
 * is there before it is touched, and on large pages where the system has them: who passes over it then spends a third
 * of the time, the rest went into TLB misses. Freed with the same number of bytes. */
void *huge_pages_alloc(size_t bytes);
void huge_pages_free(void *memory, size_t bytes);

#endif
