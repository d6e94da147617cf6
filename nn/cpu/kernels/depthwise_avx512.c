/* Depthwise convolutions for AVX-512: blocks of 16 channels. Ordered for a CPU that has it, not for any, the
 * instructions make MobileNetV2 5 % faster on a Zen 5. */
#include "x86.h"
#ifdef KERNELS_X86
#pragma GCC target("avx512f,fma,tune=skylake-avx512")
#define LANES 16
#define OUTPUTS 14 /* of a row at a time */
#include "depthwise_loops.h"

const struct depthwise_kernels depthwise_avx512 = { LANES, weights, forward, add };
#endif
