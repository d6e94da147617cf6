/* Winograd's convolution for AVX-512: blocks of 16 channels. */
#include "x86.h"
#ifdef KERNELS_X86
#pragma GCC target("avx512f,fma")
#define LANES 16
#define ROWS 14

#include "winograd_loops.h"

const struct winograd_kernels winograd_avx512 = { "winograd:avx512",
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
