/* See blocked.h. */
#include "blocked.h"

int blocked_prepare(struct blocked *blocked, const struct plan *plan, const struct op *op, enum op_input input,
                    size_t at, struct err *err)
{
    const struct value *value = op_input(plan, op, input);
    const int64_t dims[] = { value->n, value->c, value->h, value->w };
    struct layout from, wanted;
    blocked->input = input;
    blocked->at = at;
    if (layout_of_value(plan, op->in[input], &from, err) || layout_blocked(&wanted, dims, onednn_of(plan)->block, err))
        return -1;
    if (layout_equal(&from, &wanted))
        return 0;
    blocked->bytes = ALIGN_64(layout_bytes(&wanted));
    return reorder_init(&blocked->copy, onednn_of(plan), &from, &wanted, err);
}

static float *copy_of(const struct blocked *blocked, const struct plan *plan, const struct op *op)
{
    return behind(op_scratch_forward(plan, op), blocked->at);
}

int blocked_bind(struct blocked *blocked, const struct plan *plan, const struct op *op, struct err *err)
{
    return primitive_bind(&blocked->copy, DNNL_ARG_FROM, op_input_data(plan, op, blocked->input), err) ||
           primitive_bind(&blocked->copy, DNNL_ARG_TO, copy_of(blocked, plan, op), err);
}

const float *blocked_run(const struct blocked *blocked, const struct plan *plan, const struct op *op, struct err *err)
{
    if (!blocked->bytes)
        return op_input_data(plan, op, blocked->input);
    return primitive_run(&blocked->copy, onednn_of(plan), err) ? NULL : copy_of(blocked, plan, op);
}
