/* Whether the loops for AVX2 and AVX-512 are compiled at all: GCC takes the instruction set from a pragma that clang
 * passes over, and would make thousands of instructions of each vector. */
#ifndef DCLS_NN_KERNELS_X86_H
#define DCLS_NN_KERNELS_X86_H

#if defined(__x86_64__) && !defined(__clang__)
#define KERNELS_X86
#endif

#endif
