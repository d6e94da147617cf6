/* See residual.h. */
#include "residual.h"

int residual_prepare(struct primitive *copy, const struct plan *plan, struct op *op, struct err *err)
{
    int residual = op->in[IN_RESIDUAL], out = op->out[OUT_RESULT];
    struct reorder reorder = { .source = AT_DATA(residual), .target = AT_DATA(out) };
    if (residual < 0)
        return 0;
    if (layout_of_value(plan, residual, &reorder.from, err) || layout_of_value(plan, out, &reorder.to, err))
        return -1;
    op->share_data = layout_equal(&reorder.from, &reorder.to) ? IN_RESIDUAL : -1;
    return reorder_init(copy, plan, op, &reorder, err);
}

int residual_run(const struct primitive *copy, const struct plan *plan, const struct op *op, struct err *err)
{
    return op->in[IN_RESIDUAL] >= 0 && !op->data_shared ? primitive_run(copy, plan, err) : 0;
}
