/* How a JPEG photo was held: the orientation of its EXIF data. */
#ifndef DCLS_NN_EXIF_H
#define DCLS_NN_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* 1 to 8 as EXIF counts them; 1, upright, where the bytes tell none or are no JPEG. */
int exif_orientation(const uint8_t *bytes, size_t count);

#endif
