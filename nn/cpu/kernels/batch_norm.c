/* Which of the loops this CPU runs. */
#include "batch_norm_isa.h"
#include "x86.h"

const struct batch_norm_kernels *const *batch_norm_kernels_all(void)
{
    static const struct batch_norm_kernels *const all[] = {
#ifdef KERNELS_X86
        &batch_norm_kernels_avx512,
        &batch_norm_kernels_avx2,
#endif
        &batch_norm_kernels_plain,
        NULL,
    };
    const struct batch_norm_kernels *const *best = all;
#ifdef KERNELS_X86
    if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        best++;
    if (best > all && (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")))
        best++;
#endif
    return best;
}

const struct batch_norm_kernels *batch_norm_kernels(void)
{
    return *batch_norm_kernels_all();
}
