/* Sixteen floats at a time, whatever a register holds: the compiler splits them into what the target has. For loops
 * that know no blocks of channels; on lanes.h, and like it not a header of its own. */
#ifndef DCLS_NN_KERNELS_VECTOR_H
#define DCLS_NN_KERNELS_VECTOR_H

#include "lanes.h"

#define VEC_FLOATS 16

typedef float vec __attribute__((vector_size(4 * VEC_FLOATS)));
typedef int32_t int_vec __attribute__((vector_size(4 * VEC_FLOATS)));
typedef float vec_unaligned __attribute__((vector_size(4 * VEC_FLOATS), aligned(4), may_alias));

INLINE vec vec_load(const float *from)
{
    return *(const vec_unaligned *)from;
}

INLINE void vec_store(float *to, vec value)
{
    *(vec_unaligned *)to = value;
}

/* The first `count` floats, the others as in `rest`. */
INLINE vec vec_load_part(const float *from, size_t count, vec rest)
{
    memcpy(&rest, from, count * sizeof *from);
    return rest;
}

INLINE void vec_store_part(float *to, size_t count, vec value)
{
    memcpy(to, &value, count * sizeof *to);
}

INLINE vec vec_of(float value)
{
    return value - (vec){ 0 };
}

/* `a` where the mask is all ones, `b` where it is 0. */
INLINE vec vec_select(int_vec mask, vec a, vec b)
{
    return (vec)(((int_vec)a & mask) | ((int_vec)b & ~mask));
}

INLINE vec vec_sigmoid(vec x)
{
    lanes parts[VEC_FLOATS / LANES];
    memcpy(parts, &x, sizeof x);
    for (int i = 0; i < VEC_FLOATS / LANES; i++)
        parts[i] = lanes_sigmoid(parts[i]);
    memcpy(&x, parts, sizeof x);
    return x;
}

#endif
