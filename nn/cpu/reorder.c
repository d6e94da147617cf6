/* The way out of the layouts that oneDNN chose, to the canonical one, and the gradient's way back. */
#include <stdlib.h>

#include "nn/cpu/onednn/primitive.h"
#include "ops.h"

struct reorder_state {
    struct primitive forward, backward;
    size_t input_bytes; /* scratch for a gradient that is added */
};

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct reorder_state *state = op->state = calloc(1, sizeof *state);
    const struct value *out = op_result(plan, op);
    struct layout from, to;
    if (!state)
        return err_set(err, "out of memory for a plan");
    if (layout_of_value(plan, op->in[IN_DATA], &from, err) ||
        layout_dense(&to, 4, (int64_t[]){ out->n, out->c, out->h, out->w }, err) ||
        reorder_init(&state->forward, onednn_of(plan), &from, &to, err))
        return -1;
    if (!op->wants_grad[IN_DATA])
        return 0;
    if (op->accumulate[IN_DATA])
        state->input_bytes = op->scratch_backward = ALIGN_64(layout_bytes(&from));
    return reorder_init(&state->backward, onednn_of(plan), &to, &from, err);
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct reorder_state *state = op->state;
    void *to = state->input_bytes ? op_scratch_backward(plan, op) : (void *)op_input_grad(plan, op, IN_DATA);
    return primitive_bind(&state->forward, DNNL_ARG_FROM, op_input_data(plan, op, IN_DATA), err) ||
                   primitive_bind(&state->forward, DNNL_ARG_TO, op_result_data(plan, op), err) ||
                   primitive_bind(&state->backward, DNNL_ARG_FROM, op_result_grad(plan, op), err) ||
                   primitive_bind(&state->backward, DNNL_ARG_TO, to, err)
               ? -1
               : 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    struct reorder_state *state = op->state;
    return primitive_run(&state->forward, onednn_of(plan), err);
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    struct reorder_state *state = op->state;
    if (primitive_run(&state->backward, onednn_of(plan), err))
        return -1;
    if (state->input_bytes)
        add_into(op_input_grad(plan, op, IN_DATA), op_scratch_backward(plan, op), op_input(plan, op, IN_DATA)->bytes);
    return 0;
}

static void release(struct op *op)
{
    struct reorder_state *state = op->state;
    if (!state)
        return;
    primitive_release(&state->forward);
    primitive_release(&state->backward);
    free(state);
    op->state = NULL;
}

static const char *implementation(const struct op *op, enum op_pass pass)
{
    const struct reorder_state *state = op->state;
    return pass == PASS_FORWARD         ? primitive_implementation(&state->forward)
           : pass == PASS_BACKWARD_DATA ? primitive_implementation(&state->backward)
                                        : NULL;
}

const struct op_functions cpu_reorder = {
    .prepare = prepare,
    .bind = bind,
    .forward = forward,
    .backward = backward,
    .release = release,
    .implementation = implementation,
};
