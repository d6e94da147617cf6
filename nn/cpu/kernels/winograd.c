/* Which of the loops this CPU runs. */
#include "winograd_isa.h"
#include "x86.h"

const struct winograd_kernels *winograd_find(size_t block)
{
#ifdef KERNELS_X86
    if (block == winograd_avx512.block && __builtin_cpu_supports("avx512f"))
        return &winograd_avx512;
    if (block == winograd_avx2.block && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &winograd_avx2;
#endif
    (void)block;
    return NULL;
}
