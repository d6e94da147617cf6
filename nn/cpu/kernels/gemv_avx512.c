/* A matrix times a vector for AVX-512. */
#include "x86.h"
#ifdef KERNELS_X86
#pragma GCC target("avx512f,fma")
#include "gemv_loops.h"

const struct dots_kernels dots_avx512 = { "dots:avx512", run };
#endif
