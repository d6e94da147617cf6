/* Dropout and stochastic depth by the reference's loops: the former in the canonical order, in which it counts its
 * floats, the latter in whatever layout its input has. */
#include "nn/cpu/onednn/layout.h"
#include "nn/ops/ops.h"
#include "ops.h"

static int prepare_rows(struct plan *plan, struct op *op, struct err *err)
{
    struct layout layout;
    if (drop_prepare(plan, op, err) || layout_of_value(plan, op->in[IN_DATA], &layout, err))
        return -1;
    return layout_to_value(plan, op->out[OUT_RESULT], &layout, err);
}

const struct op_functions cpu_dropout = {
    .canonical = true,
    .prepare = drop_prepare,
    .forward = drop_forward,
    .backward = drop_backward,
};

const struct op_functions cpu_stochastic_depth = {
    .prepare = prepare_rows,
    .forward = drop_forward,
    .backward = drop_backward,
};
