/* Any bytes as a GIF, of less than 512x512 pixels: to fill large ones would take all the time. */
#include "decoder.h"
#include "nn/data/decoders.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    uint8_t *copy = malloc(count ? count : 1);
    if (!copy)
        return 0;
    memcpy(copy, bytes, count);
    /* The high bytes of the screen's width and height, and of the frame's place and size. */
    if (count > 9) {
        copy[7] = 0;
        copy[9] = 0;
    }
    for (size_t i = 10; i + 8 < count; i++)
        for (size_t k = 2; copy[i] == ',' && k <= 8; k += 2)
            copy[i + k] = 0;
    decoder_try(gif_decode, copy, count);
    free(copy);
    return 0;
}
