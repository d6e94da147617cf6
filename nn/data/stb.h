/* stb_image for the formats that need a word before or after it (bmp.c, gif.c). */
#ifndef DCLS_NN_STB_H
#define DCLS_NN_STB_H

#include "image.h"

/* Makes room in image for the file's size and decodes it; *rgba (height, width, 4) is the caller's to free().
 * `format` is for messages. */
int stb_rgba(const char *format, const uint8_t *bytes, size_t count, struct image *image, uint8_t **rgba,
             struct err *err);

/* A BMP in the plain form that bmp.c writes, to (height, width, 3). */
int stb_decode_bmp(const uint8_t *bytes, size_t count, int width, int height, uint8_t *rgb, struct err *err);

#endif
