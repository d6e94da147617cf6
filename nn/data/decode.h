/* Encoded image -> the pixels that PIL's Image.open(f).convert('RGB').resize((w, h), BILINEAR) would give. */
#ifndef DCLS_NN_DECODE_H
#define DCLS_NN_DECODE_H

#include "resize.h"

/* The format is told from the content, never from a name. `image` is zeroed or was decoded into before: its memory is
 * kept where it suffices. After a failure its pixels are undefined, but it can be decoded into again; image_release in
 * any case. */
int image_decode(struct image *image, const void *bytes, size_t count, struct err *err);

/* image_decode of what is then to be made smaller: of a JPEG it decodes no more than is needed for (size, size), see
 * DECODING_FAST. */
int image_decode_reduced(struct image *image, const void *bytes, size_t count, int size, struct err *err);

/* image_decode and image_resize to (size, size, 3) in one. Where a format's pixels are resized as they come, `spare`,
 * which is as for image_decode, stays unused. */
int image_decode_resized(const void *bytes, size_t count, enum decoding decoding, int size, uint8_t *out,
                         struct image *spare, struct resize_scratch *scratch, struct err *err);

/* Whether a file that begins with these bytes, IMAGE_HEAD of them or the whole of a shorter one, has a decoder: 0, or
 * -1 with what it is instead ("the image is empty", "TIFF images … are not read (…)", "not a JPEG, … image"). */
#define IMAGE_HEAD 32
int image_format_check(const void *head, size_t count, struct err *err);

#define IMAGE_FORMATS_SIZE 128
/* The formats as a text: "JPEG, PNG, BMP and GIF" where `last` is " and ". Returns text. */
const char *image_formats(char text[IMAGE_FORMATS_SIZE], const char *last);

#endif
