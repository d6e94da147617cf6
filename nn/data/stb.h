/* stb_image, for bmp.c. */
#ifndef DCLS_NN_STB_H
#define DCLS_NN_STB_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"

/* A BMP in the plain form that bmp.c writes: (height, width, 3), the caller's to free(); NULL with err. */
uint8_t *stb_decode_bmp(const uint8_t *bytes, size_t count, int width, int height, struct err *err);

#endif
