/* The loops of batch norm for AVX-512. */
#include "x86.h"
#ifdef KERNELS_X86
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma")
#include "batch_norm_isa.h"
#include "batch_norm_loops.h"

const struct batch_norm_kernels batch_norm_kernels_avx512 = { "batch_norm:avx512", moments, forward, sums, backward };
#endif
