/* Winograd's convolution for AVX2: blocks of 8 channels. */
#include "x86.h"
#ifdef KERNELS_X86
#pragma GCC target("avx2,fma")
#define LANES 8
#define ROWS 6
#include "winograd_loops.h"

const struct winograd_kernels winograd_avx2 = { "winograd:avx2",
                                                LANES,
                                                PANEL,
                                                ROWS,
                                                pack,
                                                weight_transform,
                                                input_transform,
                                                multiply,
                                                output_transform,
                                                output_grad_transform,
                                                correlate,
                                                weight_grad_transform };
#endif
