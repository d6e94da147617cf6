/* Any bytes as an image: decoded or refused, never harm. What is decoded is resized and normalised as well. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nn/data/image.h"

#define SIZE 24

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static uint8_t pixels[SIZE * SIZE * 3];
    static uint8_t streamed[SIZE * SIZE * 3];
    static float planes[SIZE * SIZE * 3];
    struct image image = {0};
    struct err err = ERR_INIT;
    if (image_decode(&image, bytes, count, &err)) {
        if (!err.text[0])
            abort(); /* a refusal gives its reason */
    } else {
        struct resize_scratch *scratch = resize_scratch_new();
        if (scratch && !image_resize(&image, SIZE, SIZE, pixels, scratch, &err)) {
            image_normalise(pixels, SIZE, planes);
            /* A JPEG row by row is the same image; reduced, it is one at least. */
            struct image spare = {0};
            if (image_decode_resized(bytes, count, DECODING_FULL, SIZE, streamed, &spare, scratch, &err) ||
                (bytes[0] == 0xff && memcmp(pixels, streamed, sizeof(pixels))) ||
                image_decode_resized(bytes, count, DECODING_FAST, SIZE, streamed, &spare, scratch, &err))
                abort();
            image_release(&spare);
        }
        resize_scratch_free(scratch);
    }
    image_release(&image);
    return 0;
}
