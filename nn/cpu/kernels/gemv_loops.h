/* The loops of gemv.h, for the instruction set that the including file names. Not a header of its own. */
#include "gemv.h"
#include "vector.h"

#define SUMS 4 /* vectors that are summed apart, so that no addition waits for the one before */

static float gemv_dot(const float *a, const float *b, size_t count)
{
    vec sums[SUMS] = { { 0 } };
    size_t i = 0;
    for (; i + SUMS * VEC_FLOATS <= count; i += SUMS * VEC_FLOATS)
#pragma GCC unroll 4
        for (size_t k = 0; k < SUMS; k++)
            sums[k] += vec_load(a + i + k * VEC_FLOATS) * vec_load(b + i + k * VEC_FLOATS);
    vec sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    for (; i + VEC_FLOATS <= count; i += VEC_FLOATS)
        sum += vec_load(a + i) * vec_load(b + i);
    for (; i < count; i++)
        sum[0] += a[i] * b[i];
    for (int half = VEC_FLOATS / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++)
            sum[k] += sum[k + half];
    return sum[0];
}

static void gemv_run(const float *weights, size_t inputs, const float *in, const float *bias, size_t first, size_t end,
                     float *out)
{
    for (size_t o = first; o < end; o++)
        out[o] = bias[o] + gemv_dot(weights + o * inputs, in, inputs);
}

static const struct gemv_kernels gemv_kernels = { .name = "gemv:" ISA_NAME, .run = gemv_run };
