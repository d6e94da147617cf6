/* Fully connected layer on (N, C, 1, 1). Weights and their gradient stay canonical: the layer is small, and packing it
 * each step would cost more than it saves. A single image in evaluation goes through loops of ours. */
#include <stdlib.h>

#include "primitive.h"

#define JOB_OUTPUTS 32

struct linear_state {
    const struct gemv_kernels *gemv; /* used instead of forward; or NULL */
    struct primitive forward, data, weights;
    struct primitive unblock; /* an input whose channels are padded, to dense scratch; empty otherwise */
    struct primitive block;   /* likewise its gradient back */
    size_t dense_bytes;       /* of that scratch, 0 without */
    size_t gradient_bytes;    /* of scratch for a gradient that is added */
    size_t scratchpad;        /* bytes of the backward scratch before those */
};

static int prepare_backward(struct plan *plan, struct op *op, const struct conv_layouts *layouts,
                            dnnl_primitive_desc_t hint, struct err *err)
{
    struct linear_state *state = op->state;
    const struct onednn *onednn = onednn_of(plan);
    op->keep_in[IN_DATA] = true;
    if (primitive_init(&state->weights, onednn, linear_desc(onednn, LINEAR_BACKWARD_WEIGHTS, layouts, hint, err),
                       err) ||
        primitive_arg(&state->weights, onednn, DNNL_ARG_SRC, &layouts->src, err) ||
        primitive_arg(&state->weights, onednn, DNNL_ARG_DIFF_DST, &layouts->dst, err) ||
        primitive_arg(&state->weights, onednn, DNNL_ARG_DIFF_WEIGHTS, &layouts->weights, err) ||
        primitive_arg(&state->weights, onednn, DNNL_ARG_DIFF_BIAS, &layouts->bias, err))
        return -1;
    if (op->wants_grad[IN_DATA] &&
        (primitive_init(&state->data, onednn, linear_desc(onednn, LINEAR_BACKWARD_DATA, layouts, hint, err), err) ||
         primitive_arg(&state->data, onednn, DNNL_ARG_DIFF_DST, &layouts->dst, err) ||
         primitive_arg(&state->data, onednn, DNNL_ARG_WEIGHTS, &layouts->weights, err) ||
         primitive_arg(&state->data, onednn, DNNL_ARG_DIFF_SRC, &layouts->src, err)))
        return -1;
    state->scratchpad =
        state->data.scratchpad > state->weights.scratchpad ? state->data.scratchpad : state->weights.scratchpad;
    if (op->accumulate[IN_DATA])
        state->gradient_bytes = ALIGN_64(op_input(plan, op, IN_DATA)->bytes);
    op->scratch_backward = state->scratchpad + state->dense_bytes + state->gradient_bytes;
    return 0;
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct linear_state *state = op->state = calloc(1, sizeof *state);
    if (!state)
        return err_set(err, "out of memory for a plan");
    const struct onednn *onednn = onednn_of(plan);
    const struct value *in = op_input(plan, op, IN_DATA), *out = op_result(plan, op);
    bool training = op->trains;
    int64_t outputs = out->c;
    struct conv_layouts layouts = { .has_bias = true };
    struct layout input, dense;
    dnnl_primitive_desc_t desc = NULL, own = NULL;
    int status = -1;
    if (layout_dense(&layouts.src, 2, (int64_t[]){ in->n, in->c }, err) ||
        layout_dense(&layouts.weights, 2, (int64_t[]){ out->c, in->c }, err) ||
        layout_dense(&layouts.bias, 1, &outputs, err) ||
        layout_dense(&layouts.dst, 2, (int64_t[]){ out->n, out->c }, err) ||
        layout_of_value(plan, op->in[IN_DATA], &input, err) ||
        layout_dense(&dense, 4, (int64_t[]){ in->n, in->c, 1, 1 }, err))
        goto out;
    /* Blocks of channels of a 1x1 plane lie as dense ones do, unless the last block is padded. */
    if (layout_bytes(&input) != layout_bytes(&dense)) {
        state->dense_bytes = ALIGN_64(layout_bytes(&dense));
        if (reorder_init(&state->unblock, onednn, &input, &dense, err) ||
            reorder_init(&state->block, onednn, &dense, &input, err))
            goto out;
    }
    op->scratch_forward = state->dense_bytes;
    if (!training && in->n == 1 && (state->gemv = kernels_up_to(ISA_BEST)->gemv)) {
        status = 0;
        goto out;
    }
    if (!(desc = linear_desc(onednn, training ? LINEAR_TRAIN : LINEAR_EVAL, &layouts, NULL, err)) ||
        onednn_check(dnnl_primitive_desc_clone(&own, desc), "a linear layer", err) ||
        primitive_init(&state->forward, onednn, own, err) ||
        primitive_arg(&state->forward, onednn, DNNL_ARG_SRC, &layouts.src, err) ||
        primitive_arg(&state->forward, onednn, DNNL_ARG_WEIGHTS, &layouts.weights, err) ||
        primitive_arg(&state->forward, onednn, DNNL_ARG_BIAS, &layouts.bias, err) ||
        primitive_arg(&state->forward, onednn, DNNL_ARG_DST, &layouts.dst, err))
        goto out;
    op->scratch_forward += state->forward.scratchpad;
    status = training ? prepare_backward(plan, op, &layouts, desc, err) : 0;
out:
    if (desc)
        dnnl_primitive_desc_destroy(desc);
    return status;
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct linear_state *state = op->state;
    float *weight = param_value(plan, op_layer(op)->weight), *in = op_input_data(plan, op, IN_DATA);
    float *din = op_input_grad(plan, op, IN_DATA), *dout = op_result_grad(plan, op);
    void *ahead = op_scratch_forward(plan, op), *scratch = op_scratch_backward(plan, op);
    void *dense_in = state->dense_bytes ? behind(ahead, state->forward.scratchpad) : in;
    void *dense = state->dense_bytes ? behind(scratch, state->scratchpad) : NULL;
    void *added = state->gradient_bytes ? behind(scratch, state->scratchpad + state->dense_bytes) : din;
    const struct {
        struct primitive *primitive;
        int arg;
        void *address;
    } bindings[] = {
        { &state->forward, DNNL_ARG_SRC, dense_in },
        { &state->forward, DNNL_ARG_WEIGHTS, weight },
        { &state->forward, DNNL_ARG_BIAS, param_value(plan, op_layer(op)->bias) },
        { &state->forward, DNNL_ARG_DST, op_result_data(plan, op) },
        { &state->forward, DNNL_ARG_SCRATCHPAD, ahead },
        { &state->weights, DNNL_ARG_SRC, dense ? dense : (void *)in },
        { &state->weights, DNNL_ARG_DIFF_DST, dout },
        { &state->weights, DNNL_ARG_DIFF_WEIGHTS, param_grad(plan, op_layer(op)->weight) },
        { &state->weights, DNNL_ARG_DIFF_BIAS, param_grad(plan, op_layer(op)->bias) },
        { &state->weights, DNNL_ARG_SCRATCHPAD, scratch },
        { &state->data, DNNL_ARG_DIFF_DST, dout },
        { &state->data, DNNL_ARG_WEIGHTS, weight },
        { &state->data, DNNL_ARG_DIFF_SRC, dense ? dense : added },
        { &state->data, DNNL_ARG_SCRATCHPAD, scratch },
        { &state->unblock, DNNL_ARG_FROM, in },
        { &state->block, DNNL_ARG_FROM, dense },
        { &state->block, DNNL_ARG_TO, added },
    };
    for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++)
        if (primitive_bind(bindings[i].primitive, bindings[i].arg, bindings[i].address, err))
            return -1;
    return 0;
}

/* The padded input, dense at `to`. */
static int unblock(const struct plan *plan, struct linear_state *state, void *to, struct err *err)
{
    if (!state->dense_bytes)
        return 0;
    return primitive_bind(&state->unblock, DNNL_ARG_TO, to, err) || primitive_run(&state->unblock, onednn_of(plan), err)
               ? -1
               : 0;
}

static void run_dots(const struct plan *plan, const struct op *op, const float *in)
{
    const struct gemv_kernels *gemv = ((const struct linear_state *)op->state)->gemv;
    const float *weights = param_value(plan, op_layer(op)->weight), *bias = param_value(plan, op_layer(op)->bias);
    size_t inputs = (size_t)op_input(plan, op, IN_DATA)->c, outputs = (size_t)op_result(plan, op)->c;
    float *out = op_result_data(plan, op);
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < outputs; first += JOB_OUTPUTS)
        gemv->run(weights, inputs, in, bias, first, first + JOB_OUTPUTS < outputs ? first + JOB_OUTPUTS : outputs, out);
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    struct linear_state *state = op->state;
    void *scratch = op_scratch_forward(plan, op), *dense = behind(scratch, state->forward.scratchpad);
    if (unblock(plan, state, dense, err))
        return -1;
    if (state->gemv) {
        run_dots(plan, op, state->dense_bytes ? dense : op_input_data(plan, op, IN_DATA));
        return 0;
    }
    return primitive_run(&state->forward, onednn_of(plan), err);
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    struct linear_state *state = op->state;
    const struct onednn *onednn = onednn_of(plan);
    void *scratch = op_scratch_backward(plan, op);
    if (unblock(plan, state, behind(scratch, state->scratchpad), err) || primitive_run(&state->weights, onednn, err))
        return -1;
    if (!op->wants_grad[IN_DATA])
        return 0;
    if (primitive_run(&state->data, onednn, err) || primitive_run(&state->block, onednn, err))
        return -1;
    if (state->gradient_bytes)
        add_into(op_input_grad(plan, op, IN_DATA), behind(scratch, state->scratchpad + state->dense_bytes),
                 op_input(plan, op, IN_DATA)->bytes);
    return 0;
}

static void release(struct op *op)
{
    struct linear_state *state = op->state;
    if (!state)
        return;
    struct primitive *all[] = { &state->forward, &state->data, &state->weights, &state->unblock, &state->block };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        primitive_release(all[i]);
    free(state);
    op->state = NULL;
}

static const char *implementation(const struct op *op, enum op_pass pass)
{
    const struct linear_state *state = op->state;
    switch (pass) {
    case PASS_FORWARD:
        return state->gemv ? state->gemv->name : primitive_implementation(&state->forward);
    case PASS_BACKWARD_DATA:
        return primitive_implementation(&state->data);
    case PASS_BACKWARD_WEIGHTS:
        return primitive_implementation(&state->weights);
    }
    return NULL;
}

const struct op_functions cpu_linear = {
    .prepare = prepare,
    .bind = bind,
    .forward = forward,
    .backward = backward,
    .release = release,
    .implementation = implementation,
};
