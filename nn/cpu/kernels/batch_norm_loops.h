/* The loops of norm.h, for the instruction set that the including file names. Not a header of its own. */
#include "batch_norm.h"
#include "vector.h"

#define CHUNK 128 /* vectors that are added up in float before they go to a double */

/* Runs what follows with `at` at each vector of a strip, `lanes` being how many of its floats are the strip's. */
#define EACH_VECTOR(count, ...)                                                                                        \
    do {                                                                                                               \
        size_t at = 0;                                                                                                 \
        for (; at + VECTOR_LANES <= (count); at += VECTOR_LANES) {                                                     \
            const size_t lanes = VECTOR_LANES;                                                                         \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
        if (at < (count)) {                                                                                            \
            const size_t lanes = (count)-at;                                                                           \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    } while (0)

INLINE vec load(const float *from, size_t lanes, vec rest)
{
    return lanes == VECTOR_LANES ? vec_load(from) : vec_load_part(from, lanes, rest);
}

INLINE void store(float *to, size_t lanes, vec value)
{
    if (lanes == VECTOR_LANES)
        vec_store(to, value);
    else
        vec_store_part(to, lanes, value);
}

INLINE void add_to(double *sum, vec *partial)
{
    for (int i = 0; i < VECTOR_LANES; i++)
        sum[i] += (*partial)[i];
    *partial = (vec){ 0 };
}

static void moments(const struct batch_norm_strips *strips, const float *x, const float *pilot, double *sum,
                    double *squares)
{
    const vec first = vec_load(pilot);
    vec partial = { 0 }, partial_squares = { 0 };
    size_t added = 0;
    for (size_t s = 0; s < strips->strips; s++) {
        const float *from = x + s * strips->stride;
        EACH_VECTOR(strips->count, {
            vec difference = load(from + at, lanes, first) - first;
            partial += difference;
            partial_squares += difference * difference;
            if (++added % CHUNK == 0) {
                add_to(sum, &partial);
                add_to(squares, &partial_squares);
            }
        });
    }
    add_to(sum, &partial);
    add_to(squares, &partial_squares);
}

INLINE vec activate(enum activation activation, vec z)
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

INLINE vec backward_of(enum activation activation, vec z, vec dy)
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
            vec z = (load(from + at, lanes, mean) - mean) * scale + shift;
            store(to + at, lanes, activate(activation, z));
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
            vec centred = load(from + at, lanes, mean) - mean;
            vec dz = backward_of(activation, centred * scale + shift, load(gradient + at, lanes, zero));
            if (activation == ACTIVATION_SILU)
                store(gradient + at, lanes, dz);
            partial += dz;
            partial_product += dz * centred;
            if (++added % CHUNK == 0) {
                add_to(dz_sum, &partial);
                add_to(product, &partial_product);
            }
        });
    }
    add_to(dz_sum, &partial);
    add_to(product, &partial_product);
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
            vec centred = load(from + at, lanes, mean) - mean, dz = load(gradient + at, lanes, zero);
            if (activation != ACTIVATION_SILU)
                dz = backward_of(activation, centred * scale + shift, dz);
            vec result = (dz - dz_mean) * scale - centred * slope;
            if (accumulate)
                result += load(to + at, lanes, zero);
            store(to + at, lanes, result);
        });
    }
}

/* The activation as a constant, so that each gets loops of its own. */
#define BY_ACTIVATION(activation, CALL)                                                                                \
    switch (activation) {                                                                                              \
    case ACTIVATION_RELU:                                                                                              \
        CALL(ACTIVATION_RELU);                                                                                         \
        break;                                                                                                         \
    case ACTIVATION_RELU6:                                                                                             \
        CALL(ACTIVATION_RELU6);                                                                                        \
        break;                                                                                                         \
    case ACTIVATION_SILU:                                                                                              \
        CALL(ACTIVATION_SILU);                                                                                         \
        break;                                                                                                         \
    default:                                                                                                           \
        CALL(ACTIVATION_NONE);                                                                                         \
    }

static void forward(const struct batch_norm_strips *strips, enum activation activation,
                    const struct batch_norm_affine *affine, const float *x, float *y)
{
#define CALL(as) forward_as(strips, as, affine, x, y)
    BY_ACTIVATION(activation, CALL)
#undef CALL
}

static void sums(const struct batch_norm_strips *strips, enum activation activation,
                 const struct batch_norm_affine *affine, const float *x, float *dy, double *dz_sum, double *product)
{
#define CALL(as) sums_as(strips, as, affine, x, dy, dz_sum, product)
    BY_ACTIVATION(activation, CALL)
#undef CALL
}

static void backward(const struct batch_norm_strips *strips, enum activation activation,
                     const struct batch_norm_affine *affine, const struct batch_norm_slopes *slopes, const float *x,
                     const float *dy, float *dx, bool accumulate)
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
