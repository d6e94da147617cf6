/* An image's pixels in memory, the bounds of its size, and what a network reads of it. */
#ifndef DCLS_NN_IMAGE_H
#define DCLS_NN_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"
#include "image_budget.h"

#define IMAGE_MAX_SIDE 65535
#define IMAGE_MAX_PIXELS 178956970 /* beyond them PIL speaks of a decompression bomb and refuses */

/* Zeroed it is empty. */
struct image {
    int width, height;
    uint8_t *rgb;    /* (height, width, 3) */
    size_t capacity; /* bytes that rgb has room for */

    struct image_budget *budget; /* what large images take from; NULL: they are not counted */
    size_t claimed;              /* bytes taken from it */
};

#define IMAGE_KEPT ((size_t)48 * 1024 * 1024) /* bytes: what takes more is large */

int image_size_check(int64_t width, int64_t height, struct err *err);
/* Checks the size against the limits, then makes room for it: memory that is large enough is kept. */
int image_reserve(struct image *image, int64_t width, int64_t height, struct err *err);
/* Before a decoder allocates so many bytes, image->rgb with them, for this image: may wait for other threads. */
void image_claim(struct image *image, size_t bytes);
/* When its pixels are no longer needed: what was claimed is given back, and the memory of a large one with it. */
void image_shrink(struct image *image);
void image_release(struct image *image);

/* Of ImageNet: red, green, blue, from 0 to 1. */
extern const float image_mean[3], image_deviation[3];
/* -> (3, S, S) floats, (v/255 - mean) / deviation; from rgb (S, S, 3), and from planes (3, S, S). */
void image_normalise(const uint8_t *rgb, int size, float *out);
void planes_normalise(const uint8_t *planes, int size, float *out);

#endif
