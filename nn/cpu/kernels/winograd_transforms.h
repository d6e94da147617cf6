/* The transforms of winograd.h, F(4x4, 3x3): each first of six, four or three values, then of a whole tile, LANES
 * channels at a time. Not a header of its own. */
#ifndef DCLS_NN_KERNELS_WINOGRAD_TRANSFORMS_H
#define DCLS_NN_KERNELS_WINOGRAD_TRANSFORMS_H

#include "lanes.h"

/* G g, three to six. */
INLINE void weight_1d(const lanes *g, lanes *u)
{
    lanes outer = g[0] + g[2], middle = g[1];
    lanes far = g[0] * (1.0f / 24) + g[2] * (1.0f / 6), half = middle * (1.0f / 12);
    u[0] = g[0] * 0.25f;
    u[1] = (outer + middle) * (-1.0f / 6);
    u[2] = (outer - middle) * (-1.0f / 6);
    u[3] = far + half;
    u[4] = far - half;
    u[5] = g[2];
}

/* G^T du, six to three. */
INLINE void weight_grad_1d(const lanes *du, lanes *dg)
{
    lanes near = (du[1] + du[2]) * (-1.0f / 6), far = du[3] + du[4];
    dg[0] = du[0] * 0.25f + near + far * (1.0f / 24);
    dg[1] = (du[2] - du[1]) * (1.0f / 6) + (du[3] - du[4]) * (1.0f / 12);
    dg[2] = near + far * (1.0f / 6) + du[5];
}

/* B^T d, six to six. */
INLINE void input_1d(const lanes *d, lanes *v)
{
    lanes even = d[4] - 4.0f * d[2], odd = d[3] - 4.0f * d[1], near = d[4] - d[2], far = 2.0f * (d[3] - d[1]);
    v[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
    v[1] = even + odd;
    v[2] = even - odd;
    v[3] = near + far;
    v[4] = near - far;
    v[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

/* A^T m, six to four. */
INLINE void output_1d(const lanes *m, lanes *y)
{
    lanes sum12 = m[1] + m[2], difference12 = m[1] - m[2], sum34 = m[3] + m[4], difference34 = m[3] - m[4];
    y[0] = m[0] + sum12 + sum34;
    y[1] = difference12 + 2.0f * difference34;
    y[2] = sum12 + 4.0f * sum34;
    y[3] = difference12 + 8.0f * difference34 + m[5];
}

/* A dy, four to six. */
INLINE void output_grad_1d(const lanes *dy, lanes *dm)
{
    lanes even = dy[0] + dy[2], odd = dy[1] + dy[3];
    lanes far_even = dy[0] + 4.0f * dy[2], far_odd = 2.0f * dy[1] + 8.0f * dy[3];
    dm[0] = dy[0];
    dm[1] = even + odd;
    dm[2] = even - odd;
    dm[3] = far_even + far_odd;
    dm[4] = far_even - far_odd;
    dm[5] = dy[3];
}

/* T X of X (side, side), whose rows and columns lie so many floats apart, to (to_side, side). */
INLINE void transform_columns(void (*transform)(const lanes *from, lanes *to), size_t side, size_t to_side,
                              const float *from, size_t row, size_t step, lanes *to)
{
    lanes before[6], after[6];
#pragma GCC unroll 6
    for (size_t x = 0; x < side; x++) {
#pragma GCC unroll 6
        for (size_t y = 0; y < side; y++)
            before[y] = LOAD(from + (y * row + x) * step);
        transform(before, after);
#pragma GCC unroll 6
        for (size_t y = 0; y < to_side; y++)
            to[y * side + x] = after[y];
    }
}

/* T X T^T of X (side, side) to (to_side, to_side), one element so many floats behind the other. */
INLINE void transform_tile(void (*transform)(const lanes *from, lanes *to), size_t side, size_t to_side,
                           const float *from, size_t row, size_t step, float *to, size_t to_step)
{
    lanes half[6 * 6], after[6];
    transform_columns(transform, side, to_side, from, row, step, half);
#pragma GCC unroll 6
    for (size_t y = 0; y < to_side; y++) {
        transform(half + y * side, after);
#pragma GCC unroll 6
        for (size_t x = 0; x < to_side; x++)
            STORE(to + (y * to_side + x) * to_step, after[x]);
    }
}

#endif
