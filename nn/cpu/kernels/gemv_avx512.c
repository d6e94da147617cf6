/* A matrix times a vector for AVX-512. */
#include "x86.h"
#ifdef KERNELS_X86
#pragma GCC target("avx512f,fma")
#include "gemv_loops.h"

const struct gemv_kernels gemv_avx512 = { "gemv:avx512", run };
#endif
