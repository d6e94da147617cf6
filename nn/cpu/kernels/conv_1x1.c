/* Which of the loops this CPU runs. */
#include "conv_1x1_isa.h"
#include "x86.h"

const struct pointwise_kernels *pointwise_find(size_t block)
{
#ifdef KERNELS_X86
    if (block == pointwise_avx512.block && __builtin_cpu_supports("avx512f"))
        return &pointwise_avx512;
    if (block == pointwise_avx2.block && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &pointwise_avx2;
#endif
    (void)block;
    return NULL;
}
