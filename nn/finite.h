/* Whether numbers are numbers: what diverged is infinite, or NaN. */
#ifndef DCLS_NN_FINITE_H
#define DCLS_NN_FINITE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

static inline bool floats_are_finite(const float *values, size_t count)
{
    bool finite = true;
#pragma omp simd reduction(& : finite)
    for (size_t i = 0; i < count; i++)
        finite &= isfinite(values[i]) != 0;
    return finite;
}

#endif
