/* Any bytes as a HEIC or AVIF, where libheif is installed. */
#include "decoder.h"
#include "nn/data/decoders.h"

/* The sanitizer's allocator gives zeros, as the system's does after a first image. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "max_malloc_fill_size=1073741824:malloc_fill_byte=0";
}

/* libheif 1.15 forgets some of what its codecs made of a damaged file. */
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
