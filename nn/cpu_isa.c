/* See cpu_isa.h. */
#include "dcls/nn/cpu_isa.h"

enum isa cpu_isa(enum isa most)
{
#ifdef __x86_64__
    if (most >= ISA_AVX512 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return ISA_AVX512;
    if (most >= ISA_AVX2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return ISA_AVX2;
#endif
    (void)most;
    return ISA_PLAIN;
}
