/* Run-length coded BMP pixels. */
#ifndef DCLS_NN_BMP_RLE_H
#define DCLS_NN_BMP_RLE_H

#include <stddef.h>
#include <stdint.h>

/* Unpacks the codes at bytes[at] into width * height zeroed indices, in the file's order of rows; bits: 8 or 4.
 * Returns how many of them the codes gave: fewer where the image ends early. */
size_t bmp_rle_unpack(const uint8_t *bytes, size_t count, size_t at, int bits, int width, int height, uint8_t *indices);

#endif
