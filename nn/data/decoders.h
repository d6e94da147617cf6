/* One decoder a format, for decode.c: each is given bytes that begin with its format's signature, and gives the pixels
 * of PIL's convert('RGB'). A file that ends early is refused, as PIL refuses it. */
#ifndef DCLS_NN_DECODERS_H
#define DCLS_NN_DECODERS_H

#include "decode_target.h"

int jpeg_decode(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err);
int png_decode(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err);
int webp_decode(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err);
int heif_decode(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err);
int bmp_decode(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err);
int gif_decode(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err);
int pnm_decode(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err);

/* Whether such files can be decoded on this machine: 0, or -1 with the package that is missing. */
int heic_available(struct err *err);
int avif_available(struct err *err);

#endif
