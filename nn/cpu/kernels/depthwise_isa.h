/* The loops of depthwise.h, once for each instruction set and the blocks that oneDNN uses with it. */
#ifndef DCLS_NN_KERNELS_DEPTHWISE_ISA_H
#define DCLS_NN_KERNELS_DEPTHWISE_ISA_H

#include "depthwise.h"

extern const struct depthwise_kernels depthwise_avx512, depthwise_avx2;

#endif
