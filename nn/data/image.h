/* Encoded image -> the pixels that PIL's Image.open(f).convert('RGB').resize((w, h), BILINEAR) would give. */
#ifndef DCLS_NN_IMAGE_H
#define DCLS_NN_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"
#include "dcls/nn/cpu_isa.h"

#define IMAGE_MAX_SIDE 16384
#define IMAGE_MAX_PIXELS (64 * 1024 * 1024)

struct image {
    int width, height;
    uint8_t *rgb;    /* (height, width, 3) */
    size_t capacity; /* bytes that rgb has room for */
};

/* JPEG by libjpeg-turbo, else stb_image (PNG, BMP, GIF); the format is told from the content. `image` is zeroed or
 * was decoded into before: its memory is kept where it suffices. After a failure its pixels are undefined, but it can
 * be decoded into again; image_release in any case. */
int image_decode(struct image *image, const void *bytes, size_t count, struct err *err);
void image_release(struct image *image);

/* Antialiased bilinear, two passes of 8-bit fixed point as Pillow does them; `out` has room for
 * (height, width, 3). The scratch grows to what the largest image needed and is kept. */
struct resize_scratch;
struct resize_scratch *resize_scratch_new(void);
struct resize_scratch *resize_scratch_new_on(enum isa isa); /* that uses at most this */
void resize_scratch_free(struct resize_scratch *scratch);
int image_resize(const struct image *image, int width, int height, uint8_t *out, struct resize_scratch *scratch,
                 struct err *err);

/* How much of a JPEG is decoded before it is resized. */
enum decoding {
    DECODING_FULL, /* PIL's pixels: for evaluation, inference and, unless told otherwise, training */
    DECODING_FAST  /* reduced by the decoder to 1/2, 1/4 or 1/8, as long as it stays no smaller than wanted: near, not
                      equal */
};

/* image_decode and image_resize to (size, size, 3) in one; a JPEG's pixels are resized as they come and `spare`, which
 * is as for image_decode, stays unused. */
int image_decode_resized(const void *bytes, size_t count, enum decoding decoding, int size, uint8_t *out,
                         struct image *spare, struct resize_scratch *scratch, struct err *err);

/* Of ImageNet: red, green, blue, from 0 to 1. */
extern const float image_mean[3], image_deviation[3];
/* -> (3, S, S) floats, (v/255 - mean) / deviation; from rgb (S, S, 3), and from planes (3, S, S). */
void image_normalise(const uint8_t *rgb, int size, float *out);
void planes_normalise(const uint8_t *planes, int size, float *out);

#endif
