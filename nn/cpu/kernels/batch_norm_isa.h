/* The loops of norm.h, once for each instruction set. */
#ifndef DCLS_NN_KERNELS_NORM_ISA_H
#define DCLS_NN_KERNELS_NORM_ISA_H

#include "batch_norm.h"

extern const struct batch_norm_kernels batch_norm_kernels_avx512, batch_norm_kernels_avx2, batch_norm_kernels_plain;

#endif
