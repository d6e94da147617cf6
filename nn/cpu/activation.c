/* Activations that no other op took in: ReLU and ReLU6 as loops over memory, SiLU and the sigmoid by oneDNN. */
#include <math.h>
#include <stdlib.h>

#include "nn/cpu/onednn/primitive.h"

struct activation_state {
    struct primitive forward, backward;
    bool accumulate; /* the gradient is made in scratch and added */
};

static bool is_loop(const struct op *op)
{
    return op->stages[0].activation == ACTIVATION_RELU || op->stages[0].activation == ACTIVATION_RELU6;
}

static int prepare_primitives(struct plan *plan, struct op *op, const struct layout *layout, struct err *err)
{
    struct activation_state *state = op->state = calloc(1, sizeof *state);
    const struct onednn *onednn = onednn_of(plan);
    bool training = op->trains;
    dnnl_primitive_desc_t desc = NULL, own = NULL, backward = NULL;
    int status = -1;
    if (!state)
        return err_set(err, "out of memory for a plan");
    if (!(desc = eltwise_desc(onednn, training, false, op->stages[0].activation, layout, NULL, err)) ||
        onednn_check(dnnl_primitive_desc_clone(&own, desc), "an activation", err) ||
        primitive_init(&state->forward, onednn, own, err) ||
        primitive_arg(&state->forward, onednn, DNNL_ARG_SRC, layout, err) ||
        primitive_arg(&state->forward, onednn, DNNL_ARG_DST, layout, err))
        goto out;
    op->scratch_forward = state->forward.scratchpad;
    status = 0;
    if (!training || !op->wants_grad[IN_DATA])
        goto out;
    backward = eltwise_desc(onednn, true, true, op->stages[0].activation, layout, desc, err);
    if (primitive_init(&state->backward, onednn, backward, err) ||
        primitive_arg(&state->backward, onednn, op->keep_in[IN_DATA] ? DNNL_ARG_SRC : DNNL_ARG_DST, layout, err) ||
        primitive_arg(&state->backward, onednn, DNNL_ARG_DIFF_DST, layout, err) ||
        primitive_arg(&state->backward, onednn, DNNL_ARG_DIFF_SRC, layout, err)) {
        status = -1;
        goto out;
    }
    state->accumulate = op->accumulate[IN_DATA];
    op->scratch_backward = state->backward.scratchpad;
    if (state->accumulate)
        op->scratch_backward += ALIGN_64(layout_bytes(layout));
out:
    if (desc)
        dnnl_primitive_desc_destroy(desc);
    return status;
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct layout layout;
    bool by_input = op->stages[0].activation == ACTIVATION_SILU;
    op->keep_in[IN_DATA] = by_input;
    op->keep_out = !by_input;
    op->share_data = by_input ? -1 : IN_DATA;
    op->share_grad = IN_DATA;
    if (layout_of_value(plan, op->in[IN_DATA], &layout, err) ||
        layout_to_value(plan, op->out[OUT_RESULT], &layout, err))
        return -1;
    return is_loop(op) ? 0 : prepare_primitives(plan, op, &layout, err);
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct activation_state *state = op->state;
    if (!state)
        return 0;
    void *scratch = op_scratch_backward(plan, op);
    void *din = state->accumulate ? behind(scratch, state->backward.scratchpad) : op_input_grad(plan, op, IN_DATA);
    const struct {
        struct primitive *primitive;
        int arg;
        void *address;
    } bindings[] = {
        { &state->forward, DNNL_ARG_SRC, op_input_data(plan, op, IN_DATA) },
        { &state->forward, DNNL_ARG_DST, op_result_data(plan, op) },
        { &state->forward, DNNL_ARG_SCRATCHPAD, op_scratch_forward(plan, op) },
        { &state->backward, DNNL_ARG_SRC, op_input_data(plan, op, IN_DATA) },
        { &state->backward, DNNL_ARG_DST, op_result_data(plan, op) },
        { &state->backward, DNNL_ARG_DIFF_DST, op_result_grad(plan, op) },
        { &state->backward, DNNL_ARG_DIFF_SRC, din },
        { &state->backward, DNNL_ARG_SCRATCHPAD, scratch },
    };
    for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++)
        if (primitive_bind(bindings[i].primitive, bindings[i].arg, bindings[i].address, err))
            return -1;
    return 0;
}

static float limit_of(const struct op *op)
{
    return op->stages[0].activation == ACTIVATION_RELU6 ? 6 : INFINITY;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    const struct activation_state *state = op->state;
    if (state)
        return primitive_run(&state->forward, onednn_of(plan), err);
    const float *in = op_input_data(plan, op, IN_DATA);
    float *out = op_result_data(plan, op), limit = limit_of(op);
    size_t count = op_result(plan, op)->bytes / sizeof *out;
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++) {
        float positive = in[i] < 0 ? 0 : in[i]; /* keeps NaN */
        out[i] = positive > limit ? limit : positive;
    }
    return 0;
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    const struct activation_state *state = op->state;
    if (!op->wants_grad[IN_DATA])
        return 0;
    float *din = op_input_grad(plan, op, IN_DATA);
    const float *dout = op_result_grad(plan, op), *out = op_result_data(plan, op);
    if (state) {
        if (primitive_run(&state->backward, onednn_of(plan), err))
            return -1;
        if (state->accumulate)
            add_into(din, behind(op_scratch_backward(plan, op), state->backward.scratchpad),
                     op_input(plan, op, IN_DATA)->bytes);
        return 0;
    }
    float limit = limit_of(op);
    size_t count = op_result(plan, op)->bytes / sizeof *dout;
    if (op->accumulate[IN_DATA]) {
#pragma omp parallel for simd schedule(static)
        for (size_t i = 0; i < count; i++)
            din[i] += out[i] > 0 && out[i] < limit ? dout[i] : 0;
    } else {
#pragma omp parallel for simd schedule(static)
        for (size_t i = 0; i < count; i++)
            din[i] = out[i] > 0 && out[i] < limit ? dout[i] : 0;
    }
    return 0;
}

static void release(struct op *op)
{
    struct activation_state *state = op->state;
    if (!state)
        return;
    primitive_release(&state->forward);
    primitive_release(&state->backward);
    free(state);
    op->state = NULL;
}

static const char *implementation(const struct op *op, enum op_pass pass)
{
    const struct activation_state *state = op->state;
    return !state || pass == PASS_BACKWARD_WEIGHTS ? NULL
           : pass == PASS_FORWARD                  ? primitive_implementation(&state->forward)
                                                   : primitive_implementation(&state->backward);
}

const struct op_functions cpu_activation = {
    .prepare = prepare,
    .bind = bind,
    .forward = forward,
    .backward = backward,
    .release = release,
    .implementation = implementation,
};
