/* The loops of dots.h, once for each instruction set. */
#ifndef DCLS_NN_KERNELS_DOTS_ISA_H
#define DCLS_NN_KERNELS_DOTS_ISA_H

#include "gemv.h"

extern const struct gemv_kernels gemv_avx512, gemv_avx2;

#endif
