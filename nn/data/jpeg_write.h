/* Pixels as a JPEG. */
#ifndef DCLS_NN_JPEG_WRITE_H
#define DCLS_NN_JPEG_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"

/* `rgb` is (height, width, 3), 1 to 65500 a side. *jpeg is heap memory, the caller's to free; NULL where it fails. */
int jpeg_write(const uint8_t *rgb, int width, int height, uint8_t **jpeg, size_t *size, struct err *err);

#endif
