/* Bytes that several answers are sent from at once. The loop's thread alone counts who holds them. */
#ifndef DCLS_BROKER_SHARED_BYTES_H
#define DCLS_BROKER_SHARED_BYTES_H

#include <stddef.h>

struct shared_bytes {
    size_t size;
    char *bytes;
    int holders;
};

/* Takes `bytes` (heap), whatever comes of it; the caller holds what it gets. NULL where memory lacks, or `bytes` is
 * NULL. */
struct shared_bytes *shared_bytes_new(char *bytes, size_t size);
struct shared_bytes *shared_bytes_hold(struct shared_bytes *shared);
/* The last one frees them. NULL is fine. */
void shared_bytes_let_go(struct shared_bytes *shared);

#endif
