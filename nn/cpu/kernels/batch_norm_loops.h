/* The loops of batch_norm.h, for the instruction set that the including file names. Not a header of its own. */
#include "batch_norm.h"
#include "vector.h"

#define CHUNK 128 /* vectors that are added up in float before they go to a double */

/* Runs what follows with `at` at each vector of a strip, `width` being how many of its floats are the strip's. */
#define EACH_VECTOR(count, ...)                                                                                        \
    do {                                                                                                               \
        size_t at = 0;                                                                                                 \
        for (; at + VEC_FLOATS <= (count); at += VEC_FLOATS) {                                                         \
            const size_t width = VEC_FLOATS;                                                                           \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
        if (at < (count)) {                                                                                            \
            const size_t width = (count)-at;                                                                           \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    } while (0)

INLINE vec strip_load(const float *from, size_t width, vec rest)
{
    return width == VEC_FLOATS ? vec_load(from) : vec_load_part(from, width, rest);
}

INLINE void strip_store(float *to, size_t width, vec value)
{
    if (width == VEC_FLOATS)
        vec_store(to, value);
    else
        vec_store_part(to, width, value);
}

INLINE void flush_sum(double *sum, vec *partial)
{
    for (int i = 0; i < VEC_FLOATS; i++)
        sum[i] += (*partial)[i];
    *partial = (vec){ 0 };
}

static void batch_norm_moments(const struct batch_norm_strips *strips, const float *x, const float *pilot, double *sum,
                               double *squares)
{
    const vec first = vec_load(pilot);
    vec partial = { 0 }, partial_squares = { 0 };
    size_t added = 0;
    for (size_t s = 0; s < strips->strips; s++) {
        const float *from = x + s * strips->stride;
        EACH_VECTOR(strips->count, {
            vec difference = strip_load(from + at, width, first) - first;
            partial += difference;
            partial_squares += difference * difference;
            if (++added % CHUNK == 0) {
                flush_sum(sum, &partial);
                flush_sum(squares, &partial_squares);
            }
        });
    }
    flush_sum(sum, &partial);
    flush_sum(squares, &partial_squares);
}

INLINE vec activation_of(enum activation activation, vec z)
{
    const vec zero = { 0 };
    if (activation == ACTIVATION_RELU || activation == ACTIVATION_RELU6)
        z = vec_select(z < zero, zero, z);
    if (activation == ACTIVATION_RELU6)
        z = vec_select(z > 6.0f, vec_of(6.0f), z);
    if (activation == ACTIVATION_SILU)
        z = z * vec_sigmoid(z);
    return z;
}

INLINE vec activation_grad_of(enum activation activation, vec z, vec dy)
{
    const vec zero = { 0 };
    if (activation == ACTIVATION_RELU)
        return vec_select(z > zero, dy, zero);
    if (activation == ACTIVATION_RELU6)
        return vec_select((z > zero) & (z < 6.0f), dy, zero);
    if (activation == ACTIVATION_SILU) {
        vec s = vec_sigmoid(z);
        return dy * s * (1.0f + z * (1.0f - s));
    }
    return dy;
}

INLINE void forward_as(const struct batch_norm_strips *strips, enum activation activation,
                       const struct batch_norm_affine *affine, const float *x, float *y)
{
    const vec mean = vec_load(affine->mean), scale = vec_load(affine->scale), shift = vec_load(affine->shift);
    for (size_t s = 0; s < strips->strips; s++) {
        const float *from = x + s * strips->stride;
        float *to = y + s * strips->stride;
        EACH_VECTOR(strips->count, {
            vec z = (strip_load(from + at, width, mean) - mean) * scale + shift;
            strip_store(to + at, width, activation_of(activation, z));
        });
    }
}

INLINE void sums_as(const struct batch_norm_strips *strips, enum activation activation,
                    const struct batch_norm_affine *affine, const float *x, float *dy, double *dz_sum, double *product)
{
    const vec mean = vec_load(affine->mean), scale = vec_load(affine->scale), shift = vec_load(affine->shift);
    const vec zero = { 0 };
    vec partial = { 0 }, partial_product = { 0 };
    size_t added = 0;
    for (size_t s = 0; s < strips->strips; s++) {
        const float *from = x + s * strips->stride;
        float *gradient = dy + s * strips->stride;
        EACH_VECTOR(strips->count, {
            vec centred = strip_load(from + at, width, mean) - mean;
            vec dz = activation_grad_of(activation, centred * scale + shift, strip_load(gradient + at, width, zero));
            if (activation == ACTIVATION_SILU)
                strip_store(gradient + at, width, dz);
            partial += dz;
            partial_product += dz * centred;
            if (++added % CHUNK == 0) {
                flush_sum(dz_sum, &partial);
                flush_sum(product, &partial_product);
            }
        });
    }
    flush_sum(dz_sum, &partial);
    flush_sum(product, &partial_product);
}

INLINE void backward_as(const struct batch_norm_strips *strips, enum activation activation,
                        const struct batch_norm_affine *affine, const struct batch_norm_slopes *slopes, const float *x,
                        const float *dy, float *dx, bool accumulate)
{
    const vec mean = vec_load(affine->mean), scale = vec_load(affine->scale), shift = vec_load(affine->shift);
    const vec dz_mean = vec_load(slopes->dz_mean), slope = vec_load(slopes->slope), zero = { 0 };
    for (size_t s = 0; s < strips->strips; s++) {
        const float *from = x + s * strips->stride, *gradient = dy + s * strips->stride;
        float *to = dx + s * strips->stride;
        EACH_VECTOR(strips->count, {
            vec centred = strip_load(from + at, width, mean) - mean, dz = strip_load(gradient + at, width, zero);
            if (activation != ACTIVATION_SILU)
                dz = activation_grad_of(activation, centred * scale + shift, dz);
            vec result = (dz - dz_mean) * scale - centred * slope;
            if (accumulate)
                result += strip_load(to + at, width, zero);
            strip_store(to + at, width, result);
        });
    }
}

/* The activation as a constant, so that each gets loops of its own. */
#define BY_ACTIVATION(activation, CALL)                                                                                \
    switch (activation) {                                                                                              \
    case ACTIVATION_RELU: CALL(ACTIVATION_RELU); break;                                                                \
    case ACTIVATION_RELU6: CALL(ACTIVATION_RELU6); break;                                                              \
    case ACTIVATION_SILU: CALL(ACTIVATION_SILU); break;                                                                \
    default: CALL(ACTIVATION_NONE);                                                                                    \
    }

static void batch_norm_forward(const struct batch_norm_strips *strips, enum activation activation,
                               const struct batch_norm_affine *affine, const float *x, float *y)
{
#define CALL(as) forward_as(strips, as, affine, x, y)
    BY_ACTIVATION(activation, CALL)
#undef CALL
}

static void batch_norm_sums(const struct batch_norm_strips *strips, enum activation activation,
                            const struct batch_norm_affine *affine, const float *x, float *dy, double *dz_sum,
                            double *product)
{
#define CALL(as) sums_as(strips, as, affine, x, dy, dz_sum, product)
    BY_ACTIVATION(activation, CALL)
#undef CALL
}

static void batch_norm_backward(const struct batch_norm_strips *strips, enum activation activation,
                                const struct batch_norm_affine *affine, const struct batch_norm_slopes *slopes,
                                const float *x, const float *dy, float *dx, bool accumulate)
{
    if (accumulate) {
#define CALL(as) backward_as(strips, as, affine, slopes, x, dy, dx, true)
        BY_ACTIVATION(activation, CALL)
#undef CALL
    } else {
#define CALL(as) backward_as(strips, as, affine, slopes, x, dy, dx, false)
        BY_ACTIVATION(activation, CALL)
#undef CALL
    }
}

static const struct batch_norm_kernels batch_norm_kernels = { .name = "batch_norm:" ISA_NAME,
                                                              .moments = batch_norm_moments,
                                                              .forward = batch_norm_forward,
                                                              .sums = batch_norm_sums,
                                                              .backward = batch_norm_backward };
