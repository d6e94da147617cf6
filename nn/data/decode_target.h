/* Where a decoder's pixels go: whole into an image, or row by row as they come through resizing, so that the image
 * never lies in memory. A decoder calls target_start and then, for each row, target_row, fills it, and target_row_done;
 * or target_whole, where it cannot give rows in their order, and fills target->image. */
#ifndef DCLS_NN_DECODE_TARGET_H
#define DCLS_NN_DECODE_TARGET_H

#include <stdbool.h>

#include "resize.h"

struct decode_target {
    struct image *image;            /* as for image_decode */
    struct resize_scratch *scratch; /* NULL: image is what is wanted; otherwise it serves what has to lie whole */
    uint8_t *out;                   /* (size, size, 3) */
    int size;                       /* without scratch: what a reduced image is not to be smaller than */
    enum decoding decoding;
    bool whole; /* the pixels lie in image */
    int rows;   /* that were given */
};

/* Both check the size against the limits first. */
int target_start(struct decode_target *target, int64_t width, int64_t height, struct err *err);
int target_whole(struct decode_target *target, int64_t width, int64_t height, struct err *err);

uint8_t *target_row(struct decode_target *target); /* room for the next row, (width, 3) */
void target_row_done(struct decode_target *target);

/* After the decoder: makes `out` of what lies whole. */
int target_finish(struct decode_target *target, struct err *err);

#endif
