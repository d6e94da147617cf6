/* Changes of colour with Pillow's arithmetic (ImageEnhance, and hue by way of 8-bit HSV as torchvision shifts it): the
 * same bytes, not near ones. Pixels lie as three planes, so that each step is a loop over whole vectors. */
#ifndef DCLS_NN_COLOUR_H
#define DCLS_NN_COLOUR_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/nn/cpu_isa.h"

#define PLANE_BLOCK 64 /* planes are made of whole blocks; what stands behind the last pixel is of no account */

/* Red, green and blue, each plane `stride` bytes behind the one before it. */
struct planes {
    uint8_t *bytes;
    size_t pixels, stride; /* a plane's pixels, and those rounded up to whole blocks */
};

static inline size_t plane_stride(size_t pixels)
{
    return (pixels + PLANE_BLOCK - 1) / PLANE_BLOCK * PLANE_BLOCK;
}

/* One implementation for each kind of CPU, all of them equal bit for bit. A factor of 1 changes nothing. */
struct colour_table {
    const char *name;
    void (*brightness)(const struct planes *planes, float factor);
    void (*contrast)(const struct planes *planes, float factor);
    void (*saturation)(const struct planes *planes, float factor);
    void (*hue)(const struct planes *planes, uint8_t angle); /* by angle/256 of the circle */
};

/* The fastest that this CPU has, up to `isa`. */
const struct colour_table *colour_table(enum isa isa);

#endif
