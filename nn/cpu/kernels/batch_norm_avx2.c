/* The loops of batch norm for AVX2. */
#include "x86.h"
#ifdef KERNELS_X86
#pragma GCC target("avx2,fma")
#include "batch_norm_isa.h"
#include "batch_norm_loops.h"

const struct batch_norm_kernels batch_norm_kernels_avx2 = { "batch_norm:avx2", moments, forward, sums, backward };
#endif
