/* See gemm.h. */
#include "gemm.h"

#include "engine.h"

int gemm_run(const struct gemm *g, bool add, struct err *err)
{
    return engine_check(
        dnnl_sgemm('T', 'N', g->rows, g->columns, g->depth, 1, g->a, g->lda, g->b, g->ldb, add ? 1 : 0, g->c, g->ldc),
        "a matrix product", err);
}
