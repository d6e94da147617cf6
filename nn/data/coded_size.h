/* How much a coded stream makes its decoder decode: what the stream itself says, whatever the file around it says. */
#ifndef DCLS_NN_CODED_SIZE_H
#define DCLS_NN_CODED_SIZE_H

#include <stdint.h>

struct coded_size {
    int64_t width, height; /* of its largest picture */
    uint64_t pictures;
    uint64_t pixels; /* of all its pictures */
    /* Pixels that a decoder makes room for besides: of pictures that are referred to and not there. */
    uint64_t missing_references;
    uint64_t moved; /* bytes, by a decoder of HEVC that takes the escapes out */
};

/* Decoders round a picture's sides up, to 128 at most: a narrow one takes as much as one of these. */
#define CODED_SIDE_MIN 128

static inline uint64_t coded_side(uint64_t side)
{
    enum { SIDE_MAX = 1 << 20 }; /* beyond what any limit lets pass, and sums of its square stay below 2^64 */
    if (side < CODED_SIDE_MIN)
        return CODED_SIDE_MIN;
    return side < SIDE_MAX ? side : SIDE_MAX;
}

static inline void coded_size_add(struct coded_size *size, uint64_t pictures, uint64_t width, uint64_t height)
{
    const uint64_t pixels = coded_side(width) * coded_side(height);
    if (width * height > (uint64_t)size->width * (uint64_t)size->height) {
        size->width = (int64_t)width;
        size->height = (int64_t)height;
    }
    size->pictures += pictures;
    if (pictures > (UINT64_MAX / 2 - size->pixels) / pixels)
        size->pixels = UINT64_MAX / 2;
    else
        size->pixels += pictures * pixels;
}

#endif
