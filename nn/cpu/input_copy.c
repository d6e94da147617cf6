/* See input_copy.h. */
#include "input_copy.h"

#include "nn/cpu/onednn/engine.h"

int input_copy_init(struct input_copy *copy, const struct plan *plan, struct op *op, enum op_input input,
                    const struct layout *wanted, struct location scratch, struct err *err)
{
    struct reorder reorder = { .source = AT_DATA(op->in[input]), .to = *wanted, .target = scratch };
    if (layout_of_value(plan, op->in[input], &reorder.from, err))
        return -1;
    copy->location = reorder.source;
    if (layout_lies_alike(op_input(plan, op, input), &reorder.from, wanted))
        return 0;
    copy->location = scratch;
    copy->bytes = layout_room(wanted);
    return reorder_init(&copy->reorder, plan, op, &reorder, err);
}

int input_copy_blocked(struct input_copy *copy, const struct plan *plan, struct op *op, enum op_input input,
                       struct location scratch, struct err *err)
{
    struct layout wanted;
    if (layout_blocked(&wanted, op_input(plan, op, input), engine_of(plan)->block, err))
        return -1;
    return input_copy_init(copy, plan, op, input, &wanted, scratch, err);
}

float *input_copy_run(const struct input_copy *copy, const struct plan *plan, const struct op *op, struct err *err)
{
    return primitive_run(&copy->reorder, plan, err) ? NULL : location_address(plan, op, &copy->location);
}
