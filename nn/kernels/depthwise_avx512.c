/* The weight gradient of depthwise convolutions for AVX-512: blocks of 16 channels. */
#ifdef __x86_64__
#pragma GCC target("avx512f,fma")
#define LANES 16
#include "depthwise_loops.h"

void depthwise_weights_16_avx512(const struct depthwise *shape, size_t group, const float *in, const float *dout,
                          float *dweight)
{
    weights(shape, group, in, dout, dweight);
}
#endif
