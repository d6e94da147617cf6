/* The weight gradient of depthwise convolutions for AVX2: blocks of 8 channels. */
#ifdef __x86_64__
#pragma GCC target("avx2,fma")
#define LANES 8
#include "depthwise_loops.h"

void depthwise_weights_8_avx2(const struct depthwise *shape, size_t group, const float *in, const float *dout,
                          float *dweight)
{
    weights(shape, group, in, dout, dweight);
}
#endif
