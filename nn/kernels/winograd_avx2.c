/* Winograd's convolution for AVX2: blocks of 8 channels. */
#include "x86.h"
#ifdef KERNELS_X86
#pragma GCC target("avx2,fma")
#define LANES 8
#define ROWS 6
#define COLUMNS 2
#include "winograd_loops.h"

const struct winograd_kernels winograd_avx2 = { "winograd:avx2", LANES, PANEL, weights, input, multiply, output };
#endif
