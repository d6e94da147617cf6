/* Any bytes as a JPEG, and as one with EXIF data. */
#include "decoder.h"
#include "nn/data/decoders.h"
#include "nn/data/exif.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    decoder_try(jpeg_decode, bytes, count);
    int orientation = exif_orientation(bytes, count);
    if (orientation < 1 || orientation > 8)
        abort();
    return 0;
}
