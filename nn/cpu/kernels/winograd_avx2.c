/* Winograd's convolution for AVX2: blocks of 8 channels. */
#include "x86.h"
#ifdef KERNELS_X86
#pragma GCC target("avx2,fma")
#define LANES 8
#define ROWS 6
#include "winograd_loops.h"

const struct winograd_kernels winograd_avx2 = {
    "winograd:avx2", LANES, PANEL, ROWS, pack, transform, see, multiply, make, unmake, correlate, untransform
};
#endif
