/* Any bytes as a BMP, of less than 256x256 pixels: run-length codes of a few bytes fill large ones, which would take
 * all the time. */
#include "decoder.h"
#include "nn/data/decoders.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    uint8_t *copy = malloc(count ? count : 1);
    if (!copy)
        return 0;
    memcpy(copy, bytes, count);
    if (count > 25) { /* width and height are 4 bytes each from 18 on, or 2; heights may be negative */
        copy[19] = 0;
        copy[21] = 0;
        copy[23] = copy[25];
    }
    decoder_try(bmp_decode, copy, count);
    free(copy);
    return 0;
}
