/* Any bytes as a HEIC or AVIF, where libheif is installed. */
#include "decoder.h"
#include "libheif.h"
#include "nn/data/decoders.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    decoder_try(heif_decode, bytes, count);
    return 0;
}
