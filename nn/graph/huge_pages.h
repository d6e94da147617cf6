/* Memory for numbers by the megabyte: weights, gradients, moments, activations. */
#ifndef DCLS_NN_MEMORY_H
#define DCLS_NN_MEMORY_H

#include <stddef.h>

/* All 0, aligned to 64 bytes; NULL where there is none. From 2 MiB on it comes from the system afresh, so that no page is
 * there before it is touched, and on large pages where the system has them: who passes over it then spends a third of
 * the time, the rest was for looking up addresses. Freed with the same number of bytes. */
void *memory_new(size_t bytes);
void memory_free(void *memory, size_t bytes);

#endif
