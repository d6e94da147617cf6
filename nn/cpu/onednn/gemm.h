/* Products of matrices. */
#ifndef DCLS_NN_CPU_GEMM_H
#define DCLS_NN_CPU_GEMM_H

#include <stdbool.h>
#include <stdint.h>

#include "dcls/base/err.h"

/* c (rows, columns, ldc apart) = a (depth, rows; lda) transposed * b (depth, columns; ldb), plus c where `add`. */
struct gemm {
    int64_t rows, columns, depth;
    const float *a, *b;
    float *c;
    int64_t lda, ldb, ldc;
};
int gemm_run(const struct gemm *gemm, bool add, struct err *err);

#endif
