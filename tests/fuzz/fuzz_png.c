/* Any bytes as a PNG. */
#include "decoder.h"
#include "nn/data/decoders.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    decoder_try(png_decode, bytes, count);
    return 0;
}
