/* The way out of the layouts that oneDNN chose, to the canonical one, and the gradient's way back. */
#include "nn/cpu/onednn/reorder.h"

#include "accumulate.h"
#include "ops.h"

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct reorder out = { .source = AT_DATA(op->in[IN_DATA]), .target = AT_DATA(op->out[OUT_RESULT]) };
    if (!op_state_new(op, sizeof(struct primitives), err) || layout_of_value(plan, op->in[IN_DATA], &out.from, err) ||
        layout_of_value(plan, op->out[OUT_RESULT], &out.to, err) ||
        reorder_init(primitive_of(op, PASS_FORWARD), plan, op, &out, err))
        return -1;
    if (!op->wants_grad[IN_DATA])
        return 0;
    op->scratch_backward = accumulate_bytes(plan, op);
    const struct reorder back = { out.to, AT_GRAD(op->out[OUT_RESULT]), out.from, accumulate_target(op, 0) };
    return reorder_init(primitive_of(op, PASS_BACKWARD_DATA), plan, op, &back, err);
}

const struct op_functions cpu_reorder = {
    .prepare = prepare,
    .bind = primitives_bind,
    .forward = primitives_forward,
    .backward = accumulate_backward,
    .release = primitives_release,
};
