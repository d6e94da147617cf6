/* The loops of dots.h, for the instruction set that the including file names. Not a header of its own. */
#include "gemv_isa.h"
#include "vector.h"

#define SUMS 4 /* vectors that are summed apart, so that no addition waits for the one before */

static float dot(const float *a, const float *b, size_t count)
{
    vec sums[SUMS] = { { 0 } };
    size_t i = 0;
    for (; i + SUMS * VECTOR_LANES <= count; i += SUMS * VECTOR_LANES)
#pragma GCC unroll 4
        for (size_t k = 0; k < SUMS; k++)
            sums[k] += vec_load(a + i + k * VECTOR_LANES) * vec_load(b + i + k * VECTOR_LANES);
    vec sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    for (; i + VECTOR_LANES <= count; i += VECTOR_LANES)
        sum += vec_load(a + i) * vec_load(b + i);
    for (; i < count; i++)
        sum[0] += a[i] * b[i];
    for (int half = VECTOR_LANES / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++)
            sum[k] += sum[k + half];
    return sum[0];
}

static void run(const float *weights, size_t inputs, const float *in, const float *bias, size_t first, size_t end,
                float *out)
{
    for (size_t o = first; o < end; o++)
        out[o] = bias[o] + dot(weights + o * inputs, in, inputs);
}
