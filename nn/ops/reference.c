/* The table of the reference backend. It asks for no fusion and knows no layout but the canonical one. */
#include "ops.h"

const struct backend backend_reference = {
    .name = "reference",
    .ops = {
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
    },
};
