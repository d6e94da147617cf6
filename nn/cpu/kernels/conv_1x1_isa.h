/* The loops of pointwise.h, once for each instruction set and the blocks that oneDNN uses with it. */
#ifndef DCLS_NN_KERNELS_POINTWISE_ISA_H
#define DCLS_NN_KERNELS_POINTWISE_ISA_H

#include "conv_1x1.h"

extern const struct conv_1x1_kernels conv_1x1_avx512, conv_1x1_avx2;

#endif
