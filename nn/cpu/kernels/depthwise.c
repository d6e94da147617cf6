/* Which of the loops this CPU runs. */
#include "depthwise_isa.h"
#include "x86.h"

const struct depthwise_kernels *depthwise_find(size_t block)
{
#ifdef KERNELS_X86
    if (block == depthwise_avx512.block && __builtin_cpu_supports("avx512f"))
        return &depthwise_avx512;
    if (block == depthwise_avx2.block && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &depthwise_avx2;
#endif
    (void)block;
    return NULL;
}
