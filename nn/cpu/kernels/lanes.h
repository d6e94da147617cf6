/* LANES floats at a time, as many as a block of channels has, for loops that are compiled once for each instruction
 * set. The including file names LANES. Not a header of its own. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "nn/graph/net.h"

#define VECTOR_LANES LANES
#include "vector.h"

typedef vec lanes;

#define LOAD(from) (*(const vec_unaligned *)(from))
#define STORE(to, value) (*(vec_unaligned *)(to) = (value))

/* One instruction each; of a NaN and a number either gives the second. */
#if LANES == 16
#define MAX(a, b) _mm512_max_ps(a, b)
#define MIN(a, b) _mm512_min_ps(a, b)
#else
#define MAX(a, b) _mm256_max_ps(a, b)
#define MIN(a, b) _mm256_min_ps(a, b)
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
    return MIN(bounds->high, MAX(bounds->low, value));
}

/* SILU of `count` floats, a multiple of LANES, for which registers do not suffice beside sums. */
INLINE void lanes_silu(float *at, size_t count)
{
    for (size_t i = 0; i < count; i += LANES) {
        lanes value = LOAD(at + i);
        STORE(at + i, value * vec_sigmoid(value));
    }
}
