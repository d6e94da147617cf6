/* The one place that asks what this CPU has. An instruction set stands for all that compilers and kernels use of it:
 * AVX2 with FMA, as of Haswell, and AVX-512 with BW, DQ and VL, as of Skylake's servers. */
#ifndef DCLS_NN_CPU_ISA_H
#define DCLS_NN_CPU_ISA_H

enum isa { ISA_PLAIN, ISA_AVX2, ISA_AVX512 };
#define ISA_BEST ISA_AVX512

/* The best that this CPU has, up to `most`, for tests of what slower CPUs run. */
enum isa cpu_isa(enum isa most);

#endif
