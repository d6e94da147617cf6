/* Sixteen floats at a time, or as many as the including file says, in GCC's vectors: the compiler splits them into what
 * the target has. Included by loops that are compiled once for each instruction set. */
#ifndef DCLS_NN_KERNELS_VECTOR_H
#define DCLS_NN_KERNELS_VECTOR_H

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

/* exp(x) to about 2 units in the last place, from exp(-87) to exp(88), beyond which it stays: 2^n exp(r), |r| at most
 * ln(2)/2, by Taylor's polynomial of degree 7. A NaN stays one. */
INLINE vec vec_exp(vec x)
{
    const vec least = vec_of(-87.0f), most = vec_of(88.0f), magic = vec_of(12582912.0f); /* 1.5 * 2^23: rounds */
    x = vec_select(x < least, least, x);
    x = vec_select(x > most, most, x);
    vec rounded = x * 1.44269504f + magic;
    vec n = rounded - magic, r = x - n * 0.693359375f + n * 2.12194440e-4f;
    vec p = r * (1.0f / 5040) + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    ivec exponent = (ivec)rounded - (ivec)magic;
    return p * (vec)((exponent + 127) << 23);
}

INLINE vec vec_sigmoid(vec x)
{
    return 1.0f / (1.0f + vec_exp(-x));
}

/* The first `count` numbers, the other lanes as in `rest`. */
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
