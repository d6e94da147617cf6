/* The loops of winograd.h, once for each instruction set and the blocks that oneDNN uses with it. */
#ifndef DCLS_NN_KERNELS_WINOGRAD_ISA_H
#define DCLS_NN_KERNELS_WINOGRAD_ISA_H

#include "winograd.h"

extern const struct winograd_kernels winograd_avx512, winograd_avx2;

#endif
