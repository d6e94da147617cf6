/* Sixteen floats at a time, or as many as the including file says, in GCC's vectors: the compiler splits them into what
 * the target has. Included by loops that are compiled once for each instruction set. */
#ifndef DCLS_NN_KERNELS_VECTOR_H
#define DCLS_NN_KERNELS_VECTOR_H

#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef VECTOR_LANES
#define VECTOR_LANES 16
#endif

/* Every function here is inlined, so there is no ABI to differ. */
#pragma GCC diagnostic ignored "-Wpsabi"

typedef float vec __attribute__((vector_size(4 * VECTOR_LANES)));
typedef int32_t ivec __attribute__((vector_size(4 * VECTOR_LANES)));
typedef float vec_unaligned __attribute__((vector_size(4 * VECTOR_LANES), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline, unused))

INLINE vec vec_load(const float *from)
{
    return *(const vec_unaligned *)from;
}

INLINE void vec_store(float *to, vec value)
{
    *(vec_unaligned *)to = value;
}

INLINE vec vec_of(float value)
{
    return value - (vec){ 0 };
}

/* `a` in the lanes where the mask is all ones, `b` where it is 0. */
INLINE vec vec_select(ivec mask, vec a, vec b)
{
    return (vec)(((ivec)a & mask) | ((ivec)b & ~mask));
}

/* 2^r for |r| <= 1/2: the polynomial of degree 5 whose largest relative error, 9e-8, is least. */
#define VEC_EXP2(r)                                                                                                    \
    (((((r)*1.32647264e-3f + 9.6715127e-3f) * (r) + 5.55073375e-2f) * (r) + 2.40222421e-1f) * (r) + 6.93146978e-1f) *  \
            (r) +                                                                                                      \
        1.0f

#define VEC_LOG2E 1.44269504f
#define VEC_EXP2_MAX 126.0f /* 2^that is a number, and so is 1 over it */

/* 1 / (1 + exp(-x)), relative to within 4e-6, of |x| below 8 to within 6e-7; of a NaN a NaN. The reciprocal is the
 * CPU's estimate, improved by Newton's method: a division would take longer than all the rest. */
#if defined(__AVX512F__) && VECTOR_LANES == 16

INLINE vec vec_sigmoid(vec x)
{
    /* Of a NaN and a number min gives the second. */
    vec t = _mm512_min_ps(_mm512_set1_ps(VEC_EXP2_MAX), x * -VEC_LOG2E), n = _mm512_roundscale_ps(t, 0), r = t - n;
    vec below = (vec)_mm512_scalef_ps(VEC_EXP2(r), n) + 1.0f, estimate = _mm512_rcp14_ps(below);
    return estimate + estimate * (1.0f - below * estimate);
}

#elif defined(__AVX2__)

typedef float half_vec __attribute__((vector_size(32)));

INLINE half_vec half_vec_sigmoid(half_vec x)
{
    half_vec t = _mm256_min_ps(_mm256_set1_ps(VEC_EXP2_MAX), x * -VEC_LOG2E);
    t = _mm256_max_ps(_mm256_set1_ps(-VEC_EXP2_MAX), t);
    half_vec n = _mm256_round_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), r = t - n;
    half_vec scale = (half_vec)_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    half_vec below = (VEC_EXP2(r)) * scale + 1.0f, estimate = _mm256_rcp_ps(below);
    estimate += estimate * (1.0f - below * estimate);
    return estimate + estimate * (1.0f - below * estimate);
}

INLINE vec vec_sigmoid(vec x)
{
    half_vec halves[VECTOR_LANES / 8];
    memcpy(halves, &x, sizeof x);
    for (int i = 0; i < VECTOR_LANES / 8; i++)
        halves[i] = half_vec_sigmoid(halves[i]);
    memcpy(&x, halves, sizeof x);
    return x;
}

#else

INLINE vec vec_sigmoid(vec x)
{
    const vec magic = vec_of(12582912.0f); /* 1.5 * 2^23: rounds */
    vec t = x * -VEC_LOG2E;
    t = vec_select(t > VEC_EXP2_MAX, vec_of(VEC_EXP2_MAX), t);
    t = vec_select(t < -VEC_EXP2_MAX, vec_of(-VEC_EXP2_MAX), t);
    vec rounded = t + magic, r = t - (rounded - magic);
    ivec exponent = (ivec)rounded - (ivec)magic;
    return 1.0f / ((VEC_EXP2(r)) * (vec)((exponent + 127) << 23) + 1.0f);
}

#endif

/* The first `count` floats, the other lanes as in `rest`. */
INLINE vec vec_load_part(const float *from, size_t count, vec rest)
{
    memcpy(&rest, from, count * sizeof *from);
    return rest;
}

INLINE void vec_store_part(float *to, size_t count, vec value)
{
    memcpy(to, &value, count * sizeof *to);
}

#endif
