/* One decoder a format, for decode.c: each is given bytes that begin with its format's signature, and fills the image
 * with what PIL's convert('RGB') gives. A file that ends early is refused, as PIL refuses it. */
#ifndef DCLS_NN_DECODERS_H
#define DCLS_NN_DECODERS_H

#include "resize.h"

int jpeg_decode(struct image *image, const uint8_t *bytes, size_t count, struct err *err);
/* To (size, size, 3). */
int jpeg_decode_resized(const uint8_t *bytes, size_t count, enum decoding decoding, int size, uint8_t *out,
                        struct resize_scratch *scratch, struct err *err);
int png_decode(struct image *image, const uint8_t *bytes, size_t count, struct err *err);
int bmp_decode(struct image *image, const uint8_t *bytes, size_t count, struct err *err);
int gif_decode(struct image *image, const uint8_t *bytes, size_t count, struct err *err);

#endif
