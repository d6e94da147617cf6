/* Any bytes as a HEIC or AVIF, where libheif is installed. */
#include "decoder.h"
#include "nn/data/decoders.h"

/* libheif 1.15, in C++, forgets some of what its codecs made of a damaged file. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libheif.so\nleak:libstdc++.so\nleak:libdav1d.so\nleak:libde265.so\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    decoder_try(heif_decode, bytes, count);
    return 0;
}
