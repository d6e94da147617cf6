/* A matrix times a vector for AVX2. */
#include "x86.h"
#ifdef KERNELS_X86
#pragma GCC target("avx2,fma")
#include "gemv_loops.h"

const struct dots_kernels dots_avx2 = { "dots:avx2", run };
#endif
