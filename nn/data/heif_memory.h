/* Zeroed memory for the codecs below libheif. */
#ifndef DCLS_NN_HEIF_MEMORY_H
#define DCLS_NN_HEIF_MEMORY_H

#include <stdbool.h>

/* Whether what posix_memalign gives this thread is zeroed. */
void heif_memory_zeroed(bool zeroed);

#endif
