/* Any bytes as a HEIC or AVIF, where libheif is installed. */
#include "decoder.h"
#include "libheif.h"
#include "nn/data/decoders.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    if (!libheif_takes_long(bytes, count))
        decoder_try(heif_decode, bytes, count);
    return 0;
}
