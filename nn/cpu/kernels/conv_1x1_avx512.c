/* 1x1 convolutions for AVX-512: blocks of 16 channels. */
#include "x86.h"
#ifdef KERNELS_X86
#pragma GCC target("avx512f,fma")
#define LANES 16
#define ROWS 14
#include "conv_1x1_loops.h"

const struct conv_1x1_kernels conv_1x1_avx512 = { "conv_1x1:avx512", LANES, PANEL, ROWS, weights, scale, run };
#endif
