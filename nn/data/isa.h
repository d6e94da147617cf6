/* The instruction sets that the pixel loops of this folder are written for; all of them give the same bytes. */
#ifndef DCLS_NN_DATA_ISA_H
#define DCLS_NN_DATA_ISA_H

#include <stdbool.h>

enum isa { ISA_PLAIN, ISA_AVX2, ISA_AVX512 };
#define ISA_BEST ISA_AVX512

/* Whether this CPU has it. */
static inline bool isa_present(enum isa isa)
{
#ifdef __x86_64__
    if (isa == ISA_AVX512)
        return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
    if (isa == ISA_AVX2)
        return __builtin_cpu_supports("avx2");
#endif
    return isa == ISA_PLAIN;
}

#endif
