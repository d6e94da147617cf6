/* Batch norm, with the ReLU behind it in the same pass. oneDNN gives the batch's mean and population variance; the
 * running variance that PyTorch keeps is the unbiased one. */
#include "dnn.h"

struct norm_state {
    struct primitive forward, backward;
    size_t statistics; /* bytes of mean and of variance each, behind the workspace in the saved block */
    size_t workspace;
    bool accumulate; /* the input's gradient is made in scratch and added */
};

static int prepare_backward(struct plan *plan, struct op *op, const struct layout *data, dnnl_primitive_desc_t hint,
                            struct err *err)
{
    struct norm_state *state = op->state;
    const struct dnn *dnn = dnn_of(plan);
    struct layout channels, workspace;
    int64_t c = plan->values[op->out].c;
    dnnl_primitive_desc_t desc = dnn_norm(dnn, true, true, data, op->layer->eps, op->activation == ACTIVATION_RELU, hint, err);
    if (!desc)
        return -1;
    bool has_workspace = dnn_query(desc, dnnl_query_workspace_md, &workspace);
    if (primitive_init(&state->backward, dnn, desc, err) || layout_dense(&channels, 1, &c, err) ||
        primitive_arg(&state->backward, dnn, DNNL_ARG_SRC, data, err) ||
        primitive_arg(&state->backward, dnn, DNNL_ARG_MEAN, &channels, err) ||
        primitive_arg(&state->backward, dnn, DNNL_ARG_VARIANCE, &channels, err) ||
        primitive_arg(&state->backward, dnn, DNNL_ARG_SCALE, &channels, err) ||
        /* Not read, but 2.6 counts it among the inputs. */
        primitive_arg(&state->backward, dnn, DNNL_ARG_SHIFT, &channels, err) ||
        primitive_arg(&state->backward, dnn, DNNL_ARG_DIFF_DST, data, err) ||
        primitive_arg(&state->backward, dnn, DNNL_ARG_DIFF_SRC, data, err) ||
        primitive_arg(&state->backward, dnn, DNNL_ARG_DIFF_SCALE, &channels, err) ||
        primitive_arg(&state->backward, dnn, DNNL_ARG_DIFF_SHIFT, &channels, err) ||
        (has_workspace && primitive_arg(&state->backward, dnn, DNNL_ARG_WORKSPACE, &workspace, err)))
        return -1;
    op->keep_in[0] = true;
    op->share_grad = 0;
    /* The gradient of the input is part of the computation even where nobody wants it. */
    state->accumulate = op->accumulate[0] || !op->wants_grad[0];
    op->scratch_backward = state->backward.scratchpad;
    if (state->accumulate)
        op->scratch_backward += DNN_ALIGN(plan->values[op->in[0]].bytes);
    return 0;
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct norm_state *state = op->state = calloc(1, sizeof *state);
    if (!state)
        return err_set(err, "out of memory for a plan");
    const struct dnn *dnn = dnn_of(plan);
    bool training = plan->spec.mode == PLAN_TRAIN;
    struct layout data, channels, workspace;
    int64_t c = plan->values[op->out].c;
    dnnl_primitive_desc_t desc = NULL, own = NULL;
    int status = -1;
    if (layout_of_value(plan, op->in[0], &data, err) || layout_dense(&channels, 1, &c, err) ||
        !(desc = dnn_norm(dnn, training, false, &data, op->layer->eps, op->activation == ACTIVATION_RELU, NULL, err)) ||
        dnn_check(dnnl_primitive_desc_clone(&own, desc), "a batch norm", err) ||
        primitive_init(&state->forward, dnn, own, err) ||
        primitive_arg(&state->forward, dnn, DNNL_ARG_SRC, &data, err) ||
        primitive_arg(&state->forward, dnn, DNNL_ARG_MEAN, &channels, err) ||
        primitive_arg(&state->forward, dnn, DNNL_ARG_VARIANCE, &channels, err) ||
        primitive_arg(&state->forward, dnn, DNNL_ARG_SCALE, &channels, err) ||
        primitive_arg(&state->forward, dnn, DNNL_ARG_SHIFT, &channels, err) ||
        primitive_arg(&state->forward, dnn, DNNL_ARG_DST, &data, err) || layout_to_value(plan, op->out, &data, err))
        goto out;
    op->scratch_forward = state->forward.scratchpad;
    if (training) {
        if (dnn_query(desc, dnnl_query_workspace_md, &workspace)) {
            state->workspace = DNN_ALIGN(layout_bytes(&workspace));
            if (primitive_arg(&state->forward, dnn, DNNL_ARG_WORKSPACE, &workspace, err))
                goto out;
        }
        state->statistics = DNN_ALIGN((size_t)c * sizeof(float));
        op->saved = state->workspace + 2 * state->statistics;
        status = prepare_backward(plan, op, &data, desc, err);
    } else {
        op->share_data = 0;
        status = 0;
    }
out:
    if (desc)
        dnnl_primitive_desc_destroy(desc);
    return status;
}

static float *saved_mean(const struct plan *plan, const struct op *op)
{
    const struct norm_state *state = op->state;
    return behind(op_saved(plan, op), state->workspace);
}

static float *saved_variance(const struct plan *plan, const struct op *op)
{
    const struct norm_state *state = op->state;
    return behind(saved_mean(plan, op), state->statistics);
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct norm_state *state = op->state;
    const struct layer *layer = op->layer;
    bool training = plan->spec.mode == PLAN_TRAIN;
    void *mean = training ? saved_mean(plan, op) : param_value(plan, layer->mean);
    void *variance = training ? saved_variance(plan, op) : param_value(plan, layer->var);
    void *scratch = op_scratch_backward(plan, op);
    void *dsrc = state->accumulate ? behind(scratch, state->backward.scratchpad) : value_grad(plan, op->in[0]);
    const struct {
        struct primitive *primitive;
        int arg;
        void *address;
    } bindings[] = {
        { &state->forward, DNNL_ARG_SRC, value_data(plan, op->in[0]) },
        { &state->forward, DNNL_ARG_MEAN, mean },
        { &state->forward, DNNL_ARG_VARIANCE, variance },
        { &state->forward, DNNL_ARG_SCALE, param_value(plan, layer->weight) },
        { &state->forward, DNNL_ARG_SHIFT, param_value(plan, layer->bias) },
        { &state->forward, DNNL_ARG_DST, value_data(plan, op->out) },
        { &state->forward, DNNL_ARG_WORKSPACE, op_saved(plan, op) },
        { &state->forward, DNNL_ARG_SCRATCHPAD, op_scratch_forward(plan, op) },
        { &state->backward, DNNL_ARG_SRC, value_data(plan, op->in[0]) },
        { &state->backward, DNNL_ARG_MEAN, mean },
        { &state->backward, DNNL_ARG_VARIANCE, variance },
        { &state->backward, DNNL_ARG_SCALE, param_value(plan, layer->weight) },
        { &state->backward, DNNL_ARG_SHIFT, param_value(plan, layer->bias) },
        { &state->backward, DNNL_ARG_DIFF_DST, value_grad(plan, op->out) },
        { &state->backward, DNNL_ARG_DIFF_SRC, dsrc },
        { &state->backward, DNNL_ARG_DIFF_SCALE, param_grad(plan, layer->weight) },
        { &state->backward, DNNL_ARG_DIFF_SHIFT, param_grad(plan, layer->bias) },
        { &state->backward, DNNL_ARG_WORKSPACE, op_saved(plan, op) },
        { &state->backward, DNNL_ARG_SCRATCHPAD, scratch },
    };
    for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++)
        if (primitive_bind(bindings[i].primitive, bindings[i].arg, bindings[i].address, err))
            return -1;
    return 0;
}

static void move_running_statistics(struct plan *plan, const struct op *op)
{
    const struct layer *layer = op->layer;
    const struct value *v = &plan->values[op->out];
    const float *mean = saved_mean(plan, op), *variance = saved_variance(plan, op);
    float *running_mean = param_value(plan, layer->mean), *running_var = param_value(plan, layer->var);
    double count = (double)v->n * v->h * v->w;
    float unbiased = (float)(count / (count - 1)), momentum = layer->momentum;
    for (int c = 0; c < v->c; c++) {
        running_mean[c] += momentum * (mean[c] - running_mean[c]);
        running_var[c] += momentum * (variance[c] * unbiased - running_var[c]);
    }
    plan->weights->tracked[plan->net->params[layer->tracked].offset]++;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    struct norm_state *state = op->state;
    if (primitive_run(&state->forward, dnn_of(plan), err))
        return -1;
    if (plan->spec.mode == PLAN_TRAIN)
        move_running_statistics(plan, op);
    return 0;
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    struct norm_state *state = op->state;
    if (primitive_run(&state->backward, dnn_of(plan), err))
        return -1;
    if (op->wants_grad[0] && state->accumulate)
        add_into(value_grad(plan, op->in[0]),
                 behind(op_scratch_backward(plan, op), state->backward.scratchpad),
                 plan->values[op->in[0]].bytes);
    return 0;
}

static void release(struct op *op)
{
    struct norm_state *state = op->state;
    if (!state)
        return;
    primitive_release(&state->forward);
    primitive_release(&state->backward);
    free(state);
    op->state = NULL;
}

static const char *implementation(const struct op *op, enum op_pass pass)
{
    const struct norm_state *state = op->state;
    return pass == PASS_FORWARD         ? primitive_implementation(&state->forward)
           : pass == PASS_BACKWARD_DATA ? primitive_implementation(&state->backward)
                                        : NULL;
}

const struct op_functions onednn_batch_norm = {
    .prepare = prepare,
    .bind = bind,
    .forward = forward,
    .backward = backward,
    .release = release,
    .implementation = implementation,
};
