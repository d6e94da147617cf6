/* Resizing with Pillow's arithmetic: antialiased bilinear, two passes of 8-bit fixed point. */
#ifndef DCLS_NN_RESIZE_H
#define DCLS_NN_RESIZE_H

#include "dcls/nn/cpu_isa.h"
#include "image.h"

/* How much of an image is decoded before it is resized. */
enum decoding {
    DECODING_FULL, /* PIL's pixels: for evaluation, inference and, unless told otherwise, training */
    DECODING_FAST  /* reduced by the decoder, of a JPEG to 1/2, 1/4 or 1/8, as long as it stays no smaller than wanted:
                      near, not equal */
};

/* Its memory grows to what the largest image needed and is kept. */
struct resize_scratch;
struct resize_scratch *resize_scratch_new(void);
struct resize_scratch *resize_scratch_new_on(enum isa isa); /* that uses at most this */
void resize_scratch_free(struct resize_scratch *scratch);

/* `out` has room for (height, width, 3). */
int image_resize(const struct image *image, int width, int height, uint8_t *out, struct resize_scratch *scratch,
                 struct err *err);

/* The same of an image whose rows come one after the other, for decoders that need not keep it whole: resize_start; for
 * each row resize_room, filled by the caller, then resize_row. `out`, (to_height, to_width, 3), is full after the last
 * row. A start ends what was not finished. */
int resize_start(struct resize_scratch *scratch, int from_width, int from_height, int to_width, int to_height,
                 uint8_t *out, struct err *err);
uint8_t *resize_room(struct resize_scratch *scratch); /* for the next row, (from_width, 3) */
void resize_row(struct resize_scratch *scratch);      /* that row is done */

#endif
