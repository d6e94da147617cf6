/* LANES floats at a time, as many as a register holds and a block of channels has, in GCC's vectors. For loops that are
 * compiled once for each instruction set; the including file names LANES. Not a header of its own. */
#ifndef DCLS_NN_KERNELS_LANES_H
#define DCLS_NN_KERNELS_LANES_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "nn/graph/net.h"

/* Every function here is inlined, so there is no ABI to differ. */
#pragma GCC diagnostic ignored "-Wpsabi"
#define INLINE static inline __attribute__((always_inline, unused))

typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t int_lanes __attribute__((vector_size(4 * LANES)));
typedef float lanes_unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define LOAD(from) (*(const lanes_unaligned *)(from))
#define STORE(to, value) (*(lanes_unaligned *)(to) = (value))

/* 2^r for |r| <= 1/2: the polynomial of degree 5 whose largest relative error, 9e-8, is least. */
#define EXP2_NEAR_0(r)                                                                                                 \
    ((((((r)*1.32647264e-3f + 9.6715127e-3f) * (r) + 5.55073375e-2f) * (r) + 2.40222421e-1f) * (r) + 6.93146978e-1f) * \
         (r) +                                                                                                         \
     1.0f)
#define LOG2E 1.44269504f
#define EXP2_MAX 126.0f /* 2^that is a number, and so is 1 over it */

/* lanes_sigmoid(x), 1 / (1 + exp(-x)): relative to within 4e-6, of |x| below 8 to within 6e-7; of a NaN a NaN. The
 * reciprocal is the CPU's estimate, improved by Newton's method: a division would take longer than all the rest.
 *
 * MAX and MIN are one instruction each; of a NaN and a number either gives the second. */
#if defined(__AVX512F__) && LANES == 16

#define MAX(a, b) _mm512_max_ps(a, b)
#define MIN(a, b) _mm512_min_ps(a, b)

INLINE lanes lanes_sigmoid(lanes x)
{
    lanes t = MIN(_mm512_set1_ps(EXP2_MAX), x * -LOG2E), n = _mm512_roundscale_ps(t, 0), r = t - n;
    lanes below = (lanes)_mm512_scalef_ps(EXP2_NEAR_0(r), n) + 1.0f, estimate = _mm512_rcp14_ps(below);
    return estimate + estimate * (1.0f - below * estimate);
}

#elif defined(__AVX2__) && LANES == 8

#define MAX(a, b) _mm256_max_ps(a, b)
#define MIN(a, b) _mm256_min_ps(a, b)

INLINE lanes lanes_sigmoid(lanes x)
{
    lanes t = MAX(_mm256_set1_ps(-EXP2_MAX), MIN(_mm256_set1_ps(EXP2_MAX), x * -LOG2E));
    lanes n = _mm256_round_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), r = t - n;
    lanes scale = (lanes)_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    lanes below = EXP2_NEAR_0(r) * scale + 1.0f, estimate = _mm256_rcp_ps(below);
    estimate += estimate * (1.0f - below * estimate);
    return estimate + estimate * (1.0f - below * estimate);
}

#else

INLINE lanes lanes_select(int_lanes mask, lanes a, lanes b)
{
    return (lanes)(((int_lanes)a & mask) | ((int_lanes)b & ~mask));
}

#define MAX(a, b) lanes_select((a) > (b), a, b)
#define MIN(a, b) lanes_select((a) < (b), a, b)

INLINE lanes lanes_sigmoid(lanes x)
{
    const lanes most = EXP2_MAX - (lanes){ 0 }, magic = 12582912.0f - (lanes){ 0 }; /* 1.5 * 2^23: rounds */
    lanes t = x * -LOG2E, bounded = MIN(most, t);
    bounded = MAX(-most, bounded);
    lanes rounded = bounded + magic, r = bounded - (rounded - magic);
    int_lanes exponent = (int_lanes)rounded - (int_lanes)magic;
    return 1.0f / (EXP2_NEAR_0(r) * (lanes)((exponent + 127) << 23) + 1.0f);
}

#endif

/* RELU and RELU6 as bounds, so that no branch depends on them while values are in registers; of any other none. */
struct lanes_bounds {
    lanes low, high;
};

INLINE struct lanes_bounds lanes_bounds(enum activation activation)
{
    const lanes zero = { 0 };
    bool bounded = activation == ACTIVATION_RELU || activation == ACTIVATION_RELU6;
    return (struct lanes_bounds){ zero + (bounded ? 0 : -INFINITY),
                                  zero + (activation == ACTIVATION_RELU6 ? 6 : INFINITY) };
}

INLINE lanes lanes_clamp(const struct lanes_bounds *bounds, lanes value)
{
    lanes above = MAX(bounds->low, value);
    return MIN(bounds->high, above);
}

/* SILU of `count` floats, a multiple of LANES, for which registers do not suffice beside sums. */
INLINE void lanes_silu(float *at, size_t count)
{
    for (size_t i = 0; i < count; i += LANES) {
        lanes value = LOAD(at + i);
        STORE(at + i, value * lanes_sigmoid(value));
    }
}

#endif
