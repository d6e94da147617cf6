/* The oneDNN backend: its table, its engine and stream, and the reorder to the canonical layout. */
#include <stdlib.h>

#include "mbconv.h"
#include "conv_1x1.h"

static int open_backend(struct plan *plan, struct err *err)
{
    struct onednn *onednn = plan->state = calloc(1, sizeof *onednn);
    if (!onednn)
        return err_set(err, "out of memory for a plan");
    if (onednn_check(dnnl_engine_create(&onednn->engine, dnnl_cpu, 0), "a CPU engine", err))
        return -1;
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    onednn->block = (isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core ? 16
                    : (isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2             ? 8
                                                                                 : 0;
    onednn->kernels = kernels_for_block((size_t)onednn->block);
    return onednn_check(dnnl_stream_create(&onednn->stream, onednn->engine, dnnl_stream_default_flags), "a stream",
                        err);
}

static void close_backend(struct plan *plan)
{
    struct onednn *onednn = plan->state;
    if (!onednn)
        return;
    if (onednn->stream)
        dnnl_stream_destroy(onednn->stream);
    if (onednn->engine)
        dnnl_engine_destroy(onednn->engine);
    free(onednn);
    plan->state = NULL;
}

struct reorder_state {
    struct primitive forward, backward;
    size_t input_bytes; /* scratch for a gradient that is added */
};

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct reorder_state *state = op->state = calloc(1, sizeof *state);
    const struct value *out = &plan->values[op->out];
    struct layout from, to;
    if (!state)
        return err_set(err, "out of memory for a plan");
    if (layout_of_value(plan, op->in[0], &from, err) ||
        layout_dense(&to, 4, (int64_t[]){ out->n, out->c, out->h, out->w }, err) ||
        reorder_init(&state->forward, onednn_of(plan), &from, &to, err))
        return -1;
    if (!op->wants_grad[0])
        return 0;
    if (op->accumulate[0])
        state->input_bytes = op->scratch_backward = ALIGN_64(layout_bytes(&from));
    return reorder_init(&state->backward, onednn_of(plan), &to, &from, err);
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct reorder_state *state = op->state;
    void *to = state->input_bytes ? op_scratch_backward(plan, op) : (void *)value_grad(plan, op->in[0]);
    return primitive_bind(&state->forward, DNNL_ARG_FROM, value_data(plan, op->in[0]), err) ||
                   primitive_bind(&state->forward, DNNL_ARG_TO, value_data(plan, op->out), err) ||
                   primitive_bind(&state->backward, DNNL_ARG_FROM, value_grad(plan, op->out), err) ||
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
        add_into(value_grad(plan, op->in[0]), op_scratch_backward(plan, op), plan->values[op->in[0]].bytes);
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

const struct op_functions onednn_reorder = {
    .prepare = prepare,
    .bind = bind,
    .forward = forward,
    .backward = backward,
    .release = release,
    .implementation = implementation,
};

const struct backend backend_onednn = {
    .name = "onednn",
    .folds = true,
    .conv_activations = 1 << ACTIVATION_RELU | 1 << ACTIVATION_RELU6 | 1 << ACTIVATION_SILU | 1 << ACTIVATION_SIGMOID,
    .norm_activations = 1 << ACTIVATION_RELU | 1 << ACTIVATION_RELU6 | 1 << ACTIVATION_SILU,
    .add_activations = 1 << ACTIVATION_RELU,
    .expands = mbconv_expands,
    .projects = mbconv_projects,
    .pools = mbconv_pools,
    .scales = conv_1x1_scales,
    .open = open_backend,
    .close = close_backend,
    .layout_free = free,
    .ops = {
        [OP_CONV] = &onednn_conv,
        [OP_BATCH_NORM] = &onednn_batch_norm,
        [OP_ACTIVATION] = &onednn_activation,
        [OP_MAX_POOL] = &onednn_max_pool,
        [OP_GLOBAL_AVG_POOL] = &onednn_global_avg_pool,
        [OP_ADD] = &onednn_add,
        [OP_SCALE] = &onednn_scale,
        [OP_DROPOUT] = &onednn_dropout,
        [OP_STOCHASTIC_DEPTH] = &onednn_stochastic_depth,
        [OP_LINEAR] = &onednn_linear,
        [OP_REORDER] = &onednn_reorder,
    },
};
