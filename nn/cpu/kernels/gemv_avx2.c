/* A matrix times a vector for AVX2. */
#include "x86.h"
#ifdef KERNELS_X86
#pragma GCC target("avx2,fma")
#include "gemv_loops.h"

const struct gemv_kernels gemv_avx2 = { "gemv:avx2", run };
#endif
