/* 1x1 convolutions for AVX2: blocks of 8 channels. */
#include "x86.h"
#ifdef KERNELS_X86
#pragma GCC target("avx2,fma")
#define LANES 8
#define ROWS 6
#include "conv_1x1_loops.h"

const struct conv_1x1_kernels conv_1x1_avx2 = { "conv_1x1:avx2", LANES, PANEL, ROWS, weights, scale, run };
#endif
