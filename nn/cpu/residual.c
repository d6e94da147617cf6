/* See residual.h. */
#include "residual.h"

int residual_prepare(struct plan *plan, struct op *op, const struct layout *to, struct primitive *copy, struct err *err)
{
    struct layout other;
    if (op->in[IN_RESIDUAL] < 0)
        return 0;
    if (layout_of_value(plan, op->in[IN_RESIDUAL], &other, err))
        return -1;
    op->share_data = layout_equal(&other, to) ? IN_RESIDUAL : -1;
    return reorder_init(copy, onednn_of(plan), &other, to, err);
}

int residual_bind(const struct plan *plan, const struct op *op, struct primitive *copy, struct err *err)
{
    if (op->in[IN_RESIDUAL] < 0)
        return 0;
    return primitive_bind(copy, DNNL_ARG_FROM, op_input_data(plan, op, IN_RESIDUAL), err) ||
                   primitive_bind(copy, DNNL_ARG_TO, op_result_data(plan, op), err)
               ? -1
               : 0;
}

int residual_run(const struct plan *plan, const struct op *op, const struct primitive *copy, struct err *err)
{
    return op->in[IN_RESIDUAL] >= 0 && !op->data_shared ? primitive_run(copy, onednn_of(plan), err) : 0;
}
