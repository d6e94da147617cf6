/* Batches of images, made by threads that work ahead of the network.
 *
 * Order, augmentation and every other random choice are a function of (seed, epoch, index), so that the number of
 * threads changes nothing. The training split is shuffled each epoch, the test split is in order; the last batch may be
 * smaller. Images that were decoded are kept as far as cache_bytes allows, which changes nothing but the time. A
 * batch is handed out in order and given back; at most `prefetch` batches exist, allocated once. */
#ifndef DCLS_NN_LOADER_H
#define DCLS_NN_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "augment.h"
#include "dataset.h"
#include "resize.h"

struct loader_spec {
    enum split split;
    int batch_size, image_size, threads, prefetch;
    bool shuffle;
    enum augment augment;
    enum decoding decoding;
    size_t cache_bytes; /* for decoded images, at most */
    uint64_t seed;
};

/* Bytes, a quarter of the memory that a network's floats take: who computes has room for these anyway. */
struct batch {
    int count, size;
    uint8_t *planes; /* (count, 3, S, S) */
    int *labels;
};

/* To (count, 3, S, S), scaled to 0..1 and normalised by ImageNet's mean and deviation. */
void batch_normalise(const struct batch *batch, float *images);

struct loader;
struct loader *loader_new(struct dataset *dataset, const struct loader_spec *spec, struct err *err);
void loader_free(struct loader *loader);
int loader_batches(const struct loader *loader);        /* in an epoch */
size_t loader_cache_bytes(const struct loader *loader); /* what it reserved */
/* Starts epoch `epoch` (from 1); what was ahead of another epoch is dropped. */
void loader_start(struct loader *loader, int epoch);
/* The next batch, valid until the next call; NULL with err where an image cannot be read (its path is named). Called
 * loader_batches times an epoch. */
const struct batch *loader_next(struct loader *loader, struct err *err);

#endif
