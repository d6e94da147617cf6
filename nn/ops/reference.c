/* The table of the reference backend. It runs no fused op and knows no layout but the canonical one. */
#include "ops.h"

static const struct op_functions *const functions[OP_KINDS] = {
    [OP_CONV] = &reference_conv,
    [OP_BATCH_NORM] = &reference_batch_norm,
    [OP_ACTIVATION] = &reference_activation,
    [OP_MAX_POOL] = &reference_max_pool,
    [OP_GLOBAL_AVG_POOL] = &reference_global_avg_pool,
    [OP_ADD] = &reference_add,
    [OP_SCALE] = &reference_scale,
    [OP_DROPOUT] = &reference_drop,
    [OP_STOCHASTIC_DEPTH] = &reference_drop,
    [OP_LINEAR] = &reference_linear,
};

static const struct op_functions *select_functions(const struct plan *plan, const struct op *op)
{
    (void)plan;
    return op_fused(op) ? NULL : functions[op->kind];
}

const struct backend backend_reference = { .name = "reference", .select = select_functions };
