/* Which of the loops this CPU runs. */
#include "depthwise_isa.h"

depthwise_weights *depthwise_weights_find(size_t block, size_t kernel)
{
    if (kernel > DEPTHWISE_KERNEL_MAX)
        return NULL;
#ifdef __x86_64__
    if (block == 16 && __builtin_cpu_supports("avx512f"))
        return depthwise_weights_16_avx512;
    if (block == 8 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return depthwise_weights_8_avx2;
#endif
    (void)block;
    return NULL;
}
