/* Any bytes as an image: decoded or refused, never harm. What is decoded is resized and normalised as well, and is the
 * same image when it is resized row by row, or simply decoded once more. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libheif.h"
#include "nn/data/decode.h"

#define SIZE 24
#define AGAIN_MAX (512 * 1024) /* pixels of what is decoded once more: large images take seconds as it is */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void decode_again(const uint8_t *bytes, size_t count, const uint8_t *expected, struct resize_scratch *scratch)
{
    static uint8_t again[SIZE * SIZE * 3];
    struct image spare = { 0 };
    struct err err = ERR_INIT;
    if (image_decode_resized(bytes, count, DECODING_FULL, SIZE, again, &spare, scratch, &err) ||
        memcmp(expected, again, sizeof(again)) ||
        image_decode_resized(bytes, count, DECODING_FAST, SIZE, again, &spare, scratch, &err))
        abort();
    image_release(&spare);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static uint8_t pixels[SIZE * SIZE * 3];
    static float planes[SIZE * SIZE * 3];
    struct image image = { 0 };
    struct err err = ERR_INIT;
    if (libheif_takes_long(bytes, count))
        return 0;
    if (image_decode(&image, bytes, count, &err)) {
        if (!err.text[0])
            abort(); /* a refusal gives its reason */
    } else {
        struct resize_scratch *scratch = resize_scratch_new();
        if (scratch && !image_resize(&image, SIZE, SIZE, pixels, scratch, &err)) {
            image_normalise(pixels, SIZE, planes);
            if ((int64_t)image.width * image.height <= AGAIN_MAX)
                decode_again(bytes, count, pixels, scratch);
        }
        resize_scratch_free(scratch);
    }
    image_release(&image);
    return 0;
}
