/* Max pooling (its workspace remembers where each maximum came from) and the average over the whole plane, whose
 * gradient is the same for all pixels of a plane: loops add that where a primitive would write it out first. */
#include <stdlib.h>

#include "primitive.h"

struct pool_state {
    struct primitive forward, backward;
    size_t input_bytes;   /* scratch for a gradient that is added */
    struct strips strips; /* of the average's input; those of its output are single pixels */
};

static int prepare_backward(struct plan *plan, struct op *op, const struct window *window, const struct layout *src,
                            const struct layout *dst, dnnl_primitive_desc_t hint, struct err *err)
{
    struct pool_state *state = op->state;
    const struct onednn *onednn = onednn_of(plan);
    struct layout workspace;
    dnnl_primitive_desc_t desc = pool_desc(onednn, true, true, true, src, dst, window, hint, err);
    if (!desc)
        return -1;
    bool has_workspace = desc_layout(desc, dnnl_query_workspace_md, &workspace);
    if (primitive_init(&state->backward, onednn, desc, err) ||
        primitive_arg(&state->backward, onednn, DNNL_ARG_DIFF_DST, dst, err) ||
        primitive_arg(&state->backward, onednn, DNNL_ARG_DIFF_SRC, src, err) ||
        (has_workspace && primitive_arg(&state->backward, onednn, DNNL_ARG_WORKSPACE, &workspace, err)))
        return -1;
    if (op->accumulate[IN_DATA])
        state->input_bytes = ALIGN_64(op_input(plan, op, IN_DATA)->bytes);
    op->scratch_backward = state->backward.scratchpad + state->input_bytes;
    return 0;
}

static int prepare(struct plan *plan, struct op *op, bool max, const struct window *window, struct err *err)
{
    struct pool_state *state = op->state = calloc(1, sizeof *state);
    if (!state)
        return err_set(err, "out of memory for a plan");
    const struct onednn *onednn = onednn_of(plan);
    const struct value *in = op_input(plan, op, IN_DATA), *out = op_result(plan, op);
    const int64_t dims[] = { out->n, out->c, out->h, out->w };
    bool training = op->trains;
    struct layout src, dst, workspace;
    dnnl_primitive_desc_t desc = NULL, own = NULL;
    int status = -1;
    if (layout_of_value(plan, op->in[IN_DATA], &src, err) ||
        (max ? layout_any(&dst, 4, dims, err)
             : layout_strips(&src, in, &state->strips, err) || layout_alike(&dst, &src, in, dims, err)) ||
        !(desc = pool_desc(onednn, training, false, max, &src, &dst, window, NULL, err)))
        goto out;
    if (!desc_layout(desc, dnnl_query_dst_md, &dst)) {
        err_set(err, "oneDNN gives a pooling no layout");
        goto out;
    }
    if (onednn_check(dnnl_primitive_desc_clone(&own, desc), "a pooling", err) ||
        primitive_init(&state->forward, onednn, own, err) ||
        primitive_arg(&state->forward, onednn, DNNL_ARG_SRC, &src, err) ||
        primitive_arg(&state->forward, onednn, DNNL_ARG_DST, &dst, err) ||
        layout_to_value(plan, op->out[OUT_RESULT], &dst, err))
        goto out;
    if (desc_layout(desc, dnnl_query_workspace_md, &workspace)) {
        op->saved = ALIGN_64(layout_bytes(&workspace));
        if (primitive_arg(&state->forward, onednn, DNNL_ARG_WORKSPACE, &workspace, err))
            goto out;
    }
    op->scratch_forward = state->forward.scratchpad;
    status = max && training && op->wants_grad[IN_DATA] ? prepare_backward(plan, op, window, &src, &dst, desc, err) : 0;
out:
    if (desc)
        dnnl_primitive_desc_destroy(desc);
    return status;
}

static int max_prepare(struct plan *plan, struct op *op, struct err *err)
{
    const struct window window = { op_layer(op)->kernel, op_layer(op)->stride, op_layer(op)->padding };
    return prepare(plan, op, true, &window, err);
}

static int average_prepare(struct plan *plan, struct op *op, struct err *err)
{
    /* Planes are square: images are. */
    const struct window window = { op_input(plan, op, IN_DATA)->h, 1, 0 };
    return prepare(plan, op, false, &window, err);
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct pool_state *state = op->state;
    void *scratch = op_scratch_backward(plan, op);
    void *dsrc = state->input_bytes ? behind(scratch, state->backward.scratchpad) : op_input_grad(plan, op, IN_DATA);
    const struct {
        struct primitive *primitive;
        int arg;
        void *address;
    } bindings[] = {
        { &state->forward, DNNL_ARG_SRC, op_input_data(plan, op, IN_DATA) },
        { &state->forward, DNNL_ARG_DST, op_result_data(plan, op) },
        { &state->forward, DNNL_ARG_WORKSPACE, op_saved(plan, op) },
        { &state->forward, DNNL_ARG_SCRATCHPAD, op_scratch_forward(plan, op) },
        { &state->backward, DNNL_ARG_DIFF_DST, op_result_grad(plan, op) },
        { &state->backward, DNNL_ARG_DIFF_SRC, dsrc },
        { &state->backward, DNNL_ARG_WORKSPACE, op_saved(plan, op) },
        { &state->backward, DNNL_ARG_SCRATCHPAD, scratch },
    };
    for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++)
        if (primitive_bind(bindings[i].primitive, bindings[i].arg, bindings[i].address, err))
            return -1;
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    struct pool_state *state = op->state;
    return primitive_run(&state->forward, onednn_of(plan), err);
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    struct pool_state *state = op->state;
    if (primitive_run(&state->backward, onednn_of(plan), err))
        return -1;
    if (state->input_bytes)
        add_into(op_input_grad(plan, op, IN_DATA), behind(op_scratch_backward(plan, op), state->backward.scratchpad),
                 op_input(plan, op, IN_DATA)->bytes);
    return 0;
}

/* Each pixel's part of the average. */
static int average_backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct strips s = ((const struct pool_state *)op->state)->strips;
    const float *dout = op_result_grad(plan, op), part = 1 / (float)s.plane;
    float *din = op_input_grad(plan, op, IN_DATA);
    if (!op->wants_grad[IN_DATA])
        return 0;
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < s.outer; o++)
        for (size_t p = 0; p < s.plane; p++) {
            float *to = din + (o * s.plane + p) * s.block;
            const float *gradient = dout + o * s.block;
            if (op->accumulate[IN_DATA]) {
#pragma omp simd
                for (size_t i = 0; i < s.block; i++)
                    to[i] += gradient[i] * part;
            } else {
#pragma omp simd
                for (size_t i = 0; i < s.block; i++)
                    to[i] = gradient[i] * part;
            }
        }
    return 0;
}

static void release(struct op *op)
{
    struct pool_state *state = op->state;
    if (!state)
        return;
    primitive_release(&state->forward);
    primitive_release(&state->backward);
    free(state);
    op->state = NULL;
}

static const char *implementation(const struct op *op, enum op_pass pass)
{
    const struct pool_state *state = op->state;
    return pass == PASS_FORWARD         ? primitive_implementation(&state->forward)
           : pass == PASS_BACKWARD_DATA ? primitive_implementation(&state->backward)
                                        : NULL;
}

const struct op_functions cpu_max_pool = {
    .prepare = max_prepare,
    .bind = bind,
    .forward = forward,
    .backward = backward,
    .release = release,
    .implementation = implementation,
};

const struct op_functions cpu_global_avg_pool = {
    .prepare = average_prepare,
    .bind = bind,
    .forward = forward,
    .backward = average_backward,
    .release = release,
    .implementation = implementation,
};
