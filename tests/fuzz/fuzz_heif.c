/* Any bytes as a HEIC or AVIF, where libheif is installed. */
#include "decoder.h"
#include "nn/data/decoders.h"

/* libheif 1.15 forgets 40 bytes of libdav1d's where an AVIF has no data. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libdav1d.so\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    decoder_try(heif_decode, bytes, count);
    return 0;
}
