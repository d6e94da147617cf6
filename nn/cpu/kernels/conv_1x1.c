/* Which of the loops this CPU runs. */
#include "conv_1x1_isa.h"
#include "x86.h"

const struct conv_1x1_kernels *conv_1x1_find(size_t block)
{
#ifdef KERNELS_X86
    if (block == conv_1x1_avx512.block && __builtin_cpu_supports("avx512f"))
        return &conv_1x1_avx512;
    if (block == conv_1x1_avx2.block && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &conv_1x1_avx2;
#endif
    (void)block;
    return NULL;
}
