/* A matrix times a vector for AVX-512. */
#ifdef __x86_64__
#pragma GCC target("avx512f,fma")
#include "dots_loops.h"

const struct dots_kernels dots_avx512 = { "dots:avx512", run };
#endif
