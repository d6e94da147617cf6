/* What every decoder of images owes for any bytes, for the fuzzers of single decoders. */
#ifndef DCLS_TESTS_FUZZ_DECODER_H
#define DCLS_TESTS_FUZZ_DECODER_H

#include <stdlib.h>
#include <string.h>

#include "nn/data/decode_target.h"

/* They are decoded, or refused with a reason; and every pixel is written: into memory that held others it is the same
 * image. Large ones are decoded once. */
static inline void decoder_try(int (*decode)(struct decode_target *target, const uint8_t *bytes, size_t count,
                                             struct err *err),
                               const uint8_t *bytes, size_t count)
{
    enum { AGAIN_MAX = 1 << 20 };
    struct image image = { 0 }, again = { 0 };
    struct decode_target target = { .image = &image }, target_again = { .image = &again };
    struct err err = ERR_INIT;
    if (decode(&target, bytes, count, &err)) {
        if (!err.text[0])
            abort();
    } else if (image.width * (int64_t)image.height <= AGAIN_MAX) {
        size_t size = (size_t)image.width * (size_t)image.height * 3;
        if (image_reserve(&again, image.width, image.height, &err))
            abort();
        memset(again.rgb, 0xa5, size);
        if (decode(&target_again, bytes, count, &err) || memcmp(image.rgb, again.rgb, size))
            abort();
    }
    image_release(&image);
    image_release(&again);
}

#endif
