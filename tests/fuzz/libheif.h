/* What the sanitizers are told of libheif 1.15, by a program that decodes any bytes with it. */
#ifndef DCLS_TESTS_FUZZ_LIBHEIF_H
#define DCLS_TESTS_FUZZ_LIBHEIF_H

#include <stdbool.h>

#include "nn/data/heif_check.h"

/* A file that says rightly that it is large: it is taken, but takes too long, and more memory than a fuzzer has. What
 * says that it is small is decoded. */
static inline bool libheif_takes_long(const uint8_t *bytes, size_t count)
{
    enum { PIXELS_MAX = 16 << 20 };
    struct heif_cost cost;
    struct err err = ERR_INIT;
    return !heif_check(bytes, count, &cost, &err) && (cost.in_all > PIXELS_MAX || cost.at_once > PIXELS_MAX);
}

/* The sanitizer's allocator gives zeros, as the system's does after a first image. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "max_malloc_fill_size=1073741824:malloc_fill_byte=0";
}

/* It forgets some of what its codecs made of a damaged file. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libheif.so\nleak:libstdc++.so\nleak:libdav1d.so\nleak:libde265.so\n";
}

#endif
