/* The loops of dots.h, once for each instruction set. */
#ifndef DCLS_NN_KERNELS_DOTS_ISA_H
#define DCLS_NN_KERNELS_DOTS_ISA_H

#include "gemv.h"

extern const struct dots_kernels dots_avx512, dots_avx2;

#endif
