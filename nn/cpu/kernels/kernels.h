/* The vector loops of all operations that have some, compiled once for each instruction set (kernels_avx512.c,
 * kernels_avx2.c, kernels_plain.c), and which of them run here. */
#ifndef DCLS_NN_KERNELS_H
#define DCLS_NN_KERNELS_H

#include <stddef.h>

#include "batch_norm.h"
#include "conv_1x1.h"
#include "dcls/nn/cpu_isa.h"
#include "depthwise.h"
#include "gemv.h"
#include "winograd.h"

/* Whether the loops for AVX2 and AVX-512 are compiled at all: GCC takes the instruction set from a pragma that clang
 * passes over, and would make thousands of instructions of each vector. */
#if defined(__x86_64__) && !defined(__clang__)
#define KERNELS_X86
#endif

struct kernels {
    enum isa isa;
    size_t block; /* channels of a block, in the layouts that oneDNN uses with that instruction set */
    const struct batch_norm_kernels *batch_norm;
    /* NULL where there are none: without vectors oneDNN is no slower. */
    const struct gemv_kernels *gemv;
    const struct conv_1x1_kernels *conv_1x1;
    const struct depthwise_kernels *depthwise;
    const struct winograd_kernels *winograd;
};

extern const struct kernels kernels_plain, kernels_avx2, kernels_avx512;

/* The best that this CPU runs, up to `isa`. */
static inline const struct kernels *kernels_up_to(enum isa isa)
{
#ifdef KERNELS_X86
    static const struct kernels *const all[] = { &kernels_plain, &kernels_avx2, &kernels_avx512 };
    return all[cpu_isa(isa)];
#else
    (void)isa;
    return &kernels_plain;
#endif
}

/* Those for blocks of so many channels; the plain ones where this CPU runs none for them. */
static inline const struct kernels *kernels_for_block(size_t block)
{
    for (enum isa isa = ISA_BEST; isa > ISA_PLAIN; isa--)
        if (kernels_up_to(isa)->block == block)
            return kernels_up_to(isa);
    return &kernels_plain;
}

#endif
