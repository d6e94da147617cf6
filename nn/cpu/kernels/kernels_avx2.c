/* The loops for AVX2: 8 floats at a time, in 16 registers. */
#include "kernels.h"

#ifdef KERNELS_X86
#pragma GCC target("avx2,fma")

#define ISA_NAME "avx2"
#define LANES 8
#define ROWS 6
#define OUTPUTS 7

#include "batch_norm_loops.h"
#include "conv_1x1_loops.h"
#include "depthwise_loops.h"
#include "gemv_loops.h"
#include "winograd_loops.h"

const struct kernels kernels_avx2 = {
    .isa = ISA_AVX2,
    .block = LANES,
    .batch_norm = &batch_norm_kernels,
    .gemv = &gemv_kernels,
    .conv_1x1 = &conv_1x1_kernels,
    .depthwise = &depthwise_kernels,
    .winograd = &winograd_kernels,
};
#endif
