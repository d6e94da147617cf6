/* Depthwise convolutions for AVX2: blocks of 8 channels. */
#include "x86.h"
#ifdef KERNELS_X86
#pragma GCC target("avx2,fma")
#define LANES 8
#define OUTPUTS 7 /* of a row at a time */
#include "depthwise_loops.h"

const struct depthwise_kernels depthwise_avx2 = { LANES, weights, forward, add };
#endif
