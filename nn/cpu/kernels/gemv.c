/* Which of the loops this CPU runs. */
#include "gemv_isa.h"
#include "x86.h"

const struct gemv_kernels *gemv_find(void)
{
#ifdef KERNELS_X86
    if (__builtin_cpu_supports("avx512f"))
        return &gemv_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &gemv_avx2;
#endif
    return NULL;
}
