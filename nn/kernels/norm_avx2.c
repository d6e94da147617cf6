/* The loops of batch norm for AVX2. */
#ifdef __x86_64__
#pragma GCC target("avx2,fma")
#include "norm_isa.h"
#include "norm_loops.h"

const struct norm_kernels norm_kernels_avx2 = { "norm:avx2", moments, forward, sums, backward };
#endif
