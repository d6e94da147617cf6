/* Convolution: input and output in blocked layouts, weights packed for each pass.
 *
 * In training the canonical weights are the ones that the optimiser moves, each step, so that forward and backward-data
 * pack them into scratch when their turn comes. Backward-weights writes into the canonical gradient, by way of scratch
 * where its layout differs; where oneDNN has no fast kernel for the shape, loops of ours or a matrix product replace
 * it. In evaluation batch norm is folded into weights and bias, and the sum and the activation behind it are done by
 * the same primitive. */
#include <stdlib.h>

#include "nn/cpu/wgrad_gemm.h"
#include "nn/cpu/depthwise_wgrad.h"
#include "nn/cpu/residual.h"

struct conv_state {
    struct primitive forward, data, weights;
    struct primitive pack_forward, pack_data, unpack_gradient;
    struct primitive copy_residual;
    struct wgrad_gemm product;        /* used instead of weights for some shapes */
    struct depthwise_wgrad depthwise; /* likewise */
    size_t forward_bytes, data_bytes; /* of the packed weights; 0: the canonical ones serve */
    size_t packed_bytes;              /* not training: of the folded weights, the bias behind them */
    size_t scratchpad_backward, weight_bytes, input_bytes; /* the parts of the backward scratch; the second holds first
                                                              the weights' gradient, then the packed weights */
    bool unpacks_gradient;
};

/* The weights' canonical layout, groups as a dimension of their own where there are several. */
static int weight_dims(const struct plan *plan, const struct layer *layer, int64_t dims[5])
{
    const int64_t *shape = plan->net->params[layer->weight].shape;
    int rank = 0;
    if (layer->groups > 1)
        dims[rank++] = layer->groups;
    dims[rank++] = shape[0] / layer->groups;
    for (int i = 1; i < 4; i++)
        dims[rank++] = shape[i];
    return rank;
}

/* The reorder of the canonical weights to `layout`, and the bytes that it fills; nothing where that is their layout
 * already. */
static int packing_init(struct primitive *pack, size_t *bytes, const struct onednn *onednn,
                        const struct layout *canonical, const struct layout *layout, struct err *err)
{
    if (layout_equal(canonical, layout))
        return 0;
    *bytes = ALIGN_64(layout_bytes(layout));
    return reorder_init(pack, onednn, canonical, layout, err);
}

static struct window window_of(const struct layer *layer)
{
    return (struct window){ layer->kernel, layer->stride, layer->padding };
}

static int prepare_forward(struct plan *plan, struct op *op, struct conv_layouts *layouts,
                           const struct layout *canonical, dnnl_primitive_desc_t *desc, struct err *err)
{
    struct conv_state *state = op->state;
    const struct onednn *onednn = onednn_of(plan);
    const struct value *out = op_result(plan, op);
    bool eval = !op->trains, sum = op->in[IN_RESIDUAL] >= 0;
    struct window window = window_of(op_layer(op));
    const int64_t out_dims[] = { out->n, out->c, out->h, out->w };
    /* Without AVX2 oneDNN has no backward for blocked layouts, but is fairly fast on dense ones. A depthwise
     * convolution with any output may be given one for which there is only a plain loop: it is fast from a layout to
     * the same. */
    bool depthwise = layer_is_depthwise(op_layer(op));
    if (!eval && !onednn->block ? layout_dense(&layouts->dst, 4, out_dims, err)
        : depthwise             ? layout_alike(&layouts->dst, &layouts->src, op_input(plan, op, IN_DATA), out_dims, err)
                                : layout_any(&layouts->dst, 4, out_dims, err))
        return -1;
    dnnl_primitive_desc_t own = NULL;
    *desc =
        conv_desc(onednn, eval ? CONV_EVAL : CONV_TRAIN, layouts, &window, sum, op->stages[0].activation, NULL, err);
    if (!*desc || onednn_check(dnnl_primitive_desc_clone(&own, *desc), "a convolution", err) ||
        primitive_init(&state->forward, onednn, own, err) ||
        primitive_arg(&state->forward, onednn, DNNL_ARG_SRC, &layouts->src, err) ||
        primitive_arg(&state->forward, onednn, DNNL_ARG_WEIGHTS, &layouts->weights, err) ||
        (layouts->has_bias && primitive_arg(&state->forward, onednn, DNNL_ARG_BIAS, &layouts->bias, err)) ||
        primitive_arg(&state->forward, onednn, DNNL_ARG_DST, &layouts->dst, err) ||
        layout_to_value(plan, op->out[OUT_RESULT], &layouts->dst, err) ||
        packing_init(&state->pack_forward, &state->forward_bytes, onednn, canonical, &layouts->weights, err))
        return -1;
    return residual_prepare(plan, op, &layouts->dst, &state->copy_residual, err);
}

static int prepare_backward_data(struct plan *plan, struct op *op, const struct conv_layouts *forward, int rank,
                                 const int64_t *dims, const struct layout *canonical, dnnl_primitive_desc_t hint,
                                 struct err *err)
{
    struct conv_state *state = op->state;
    const struct onednn *onednn = onednn_of(plan);
    struct window window = window_of(op_layer(op));
    struct conv_layouts layouts = *forward;
    if (layout_any(&layouts.weights, rank, dims, err))
        return -1;
    dnnl_primitive_desc_t desc =
        conv_desc(onednn, CONV_BACKWARD_DATA, &layouts, &window, false, ACTIVATION_NONE, hint, err);
    if (!desc || primitive_init(&state->data, onednn, desc, err) ||
        primitive_arg(&state->data, onednn, DNNL_ARG_DIFF_DST, &layouts.dst, err) ||
        primitive_arg(&state->data, onednn, DNNL_ARG_WEIGHTS, &layouts.weights, err) ||
        primitive_arg(&state->data, onednn, DNNL_ARG_DIFF_SRC, &layouts.src, err))
        return -1;
    if (op->accumulate[IN_DATA])
        state->input_bytes = ALIGN_64(op_input(plan, op, IN_DATA)->bytes);
    return packing_init(&state->pack_data, &state->data_bytes, onednn, canonical, &layouts.weights, err);
}

static int prepare_backward_weights(struct plan *plan, struct op *op, const struct conv_layouts *forward, int rank,
                                    const int64_t *dims, const struct layout *canonical, dnnl_primitive_desc_t hint,
                                    struct err *err)
{
    struct conv_state *state = op->state;
    const struct onednn *onednn = onednn_of(plan);
    struct window window = window_of(op_layer(op));
    struct conv_layouts layouts = *forward;
    if (layout_any(&layouts.weights, rank, dims, err))
        return -1;
    dnnl_primitive_desc_t desc =
        conv_desc(onednn, CONV_BACKWARD_WEIGHTS, &layouts, &window, false, ACTIVATION_NONE, hint, err);
    if (desc && desc_is_reference(desc)) {
        dnnl_primitive_desc_destroy(desc);
        depthwise_wgrad_init(&state->depthwise, plan, op, &layouts.src, &layouts.dst);
        if (state->depthwise.kernels)
            return 0;
        return wgrad_gemm_init(&state->product, plan, op, &layouts.src, &layouts.dst, err);
    }
    if (!desc || primitive_init(&state->weights, onednn, desc, err) ||
        primitive_arg(&state->weights, onednn, DNNL_ARG_SRC, &layouts.src, err) ||
        primitive_arg(&state->weights, onednn, DNNL_ARG_DIFF_DST, &layouts.dst, err) ||
        primitive_arg(&state->weights, onednn, DNNL_ARG_DIFF_WEIGHTS, &layouts.weights, err) ||
        (layouts.has_bias && primitive_arg(&state->weights, onednn, DNNL_ARG_DIFF_BIAS, &layouts.bias, err)))
        return -1;
    if (layout_equal(canonical, &layouts.weights))
        return 0;
    state->unpacks_gradient = true;
    state->weight_bytes = ALIGN_64(layout_bytes(&layouts.weights));
    return reorder_init(&state->unpack_gradient, onednn, &layouts.weights, canonical, err);
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    const struct layer *layer = op_layer(op);
    struct layout in;
    if (layout_of_value(plan, op->in[IN_DATA], &in, err))
        return -1;
    struct conv_state *state = op->state = calloc(1, sizeof *state);
    if (!state)
        return err_set(err, "out of memory for a plan");
    bool eval = !op->trains;
    int64_t dims[5], channels = op_result(plan, op)->c;
    int rank = weight_dims(plan, layer, dims);
    struct conv_layouts layouts = { .src = in, .has_bias = eval || layer->bias >= 0 };
    struct layout canonical;
    dnnl_primitive_desc_t forward = NULL;
    int status = -1;

    if (layout_dense(&canonical, rank, dims, err) || layout_any(&layouts.weights, rank, dims, err) ||
        layout_dense(&layouts.bias, 1, &channels, err) ||
        prepare_forward(plan, op, &layouts, &canonical, &forward, err))
        goto out;
    op->scratch_forward = state->forward.scratchpad;
    if (eval) {
        /* Folded weights are put together in the forward scratch before they are packed from there. */
        op->scratch_forward = larger(op->scratch_forward, layout_bytes(&canonical));
        state->packed_bytes = state->forward_bytes ? state->forward_bytes : ALIGN_64(layout_bytes(&canonical));
        op->packed = state->packed_bytes + (size_t)channels * sizeof(float);
        status = 0;
        goto out;
    }
    op->scratch_forward += state->forward_bytes;
    op->keep_in[IN_DATA] = true;
    if ((op->wants_grad[IN_DATA] && prepare_backward_data(plan, op, &layouts, rank, dims, &canonical, forward, err)) ||
        prepare_backward_weights(plan, op, &layouts, rank, dims, &canonical, forward, err))
        goto out;
    state->scratchpad_backward =
        larger(larger(state->data.scratchpad, state->weights.scratchpad), wgrad_gemm_scratch(&state->product));
    state->weight_bytes = larger(state->weight_bytes, state->data_bytes);
    op->scratch_backward = state->scratchpad_backward + state->weight_bytes + state->input_bytes;
    status = 0;
out:
    if (forward)
        dnnl_primitive_desc_destroy(forward);
    return status;
}

static int bind_backward(struct plan *plan, struct op *op, struct err *err)
{
    struct conv_state *state = op->state;
    float *weights = param_value(plan, op_layer(op)->weight), *gradient = param_grad(plan, op_layer(op)->weight);
    void *scratch = op_scratch_backward(plan, op);
    void *packed = behind(scratch, state->scratchpad_backward);
    void *input = state->input_bytes ? behind(packed, state->weight_bytes) : (void *)op_input_grad(plan, op, IN_DATA);
    const struct {
        struct primitive *primitive;
        int arg;
        void *address;
    } bindings[] = {
        { &state->data, DNNL_ARG_DIFF_DST, op_result_grad(plan, op) },
        { &state->data, DNNL_ARG_WEIGHTS, state->data_bytes ? packed : weights },
        { &state->data, DNNL_ARG_DIFF_SRC, input },
        { &state->data, DNNL_ARG_SCRATCHPAD, scratch },
        { &state->weights, DNNL_ARG_SRC, op_input_data(plan, op, IN_DATA) },
        { &state->weights, DNNL_ARG_DIFF_DST, op_result_grad(plan, op) },
        { &state->weights, DNNL_ARG_DIFF_WEIGHTS, state->unpacks_gradient ? packed : gradient },
        { &state->weights, DNNL_ARG_DIFF_BIAS, param_grad(plan, op_layer(op)->bias) },
        { &state->weights, DNNL_ARG_SCRATCHPAD, scratch },
        { &state->unpack_gradient, DNNL_ARG_FROM, packed },
        { &state->unpack_gradient, DNNL_ARG_TO, gradient },
        { &state->pack_data, DNNL_ARG_FROM, weights },
        { &state->pack_data, DNNL_ARG_TO, packed },
    };
    for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++)
        if (primitive_bind(bindings[i].primitive, bindings[i].arg, bindings[i].address, err))
            return -1;
    return wgrad_gemm_bind(&state->product, op_input_data(plan, op, IN_DATA), op_result_grad(plan, op), gradient,
                           param_grad(plan, op_layer(op)->bias), scratch, err);
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct conv_state *state = op->state;
    bool eval = !op->trains;
    float *weights = param_value(plan, op_layer(op)->weight), *out = op_result_data(plan, op);
    float *scratch = op_scratch_forward(plan, op);
    float *bias = eval ? behind(op_packed(plan, op), state->packed_bytes) : param_value(plan, op_layer(op)->bias);
    float *packed = eval                   ? op_packed(plan, op)
                    : state->forward_bytes ? behind(scratch, state->forward.scratchpad)
                                           : weights;
    if (primitive_bind(&state->forward, DNNL_ARG_SRC, op_input_data(plan, op, IN_DATA), err) ||
        primitive_bind(&state->forward, DNNL_ARG_WEIGHTS, packed, err) ||
        primitive_bind(&state->forward, DNNL_ARG_BIAS, bias, err) ||
        primitive_bind(&state->forward, DNNL_ARG_DST, out, err) ||
        primitive_bind(&state->forward, DNNL_ARG_SCRATCHPAD, scratch, err) ||
        primitive_bind(&state->pack_forward, DNNL_ARG_FROM, eval ? scratch : weights, err) ||
        primitive_bind(&state->pack_forward, DNNL_ARG_TO, packed, err))
        return -1;
    if (residual_bind(plan, op, &state->copy_residual, err))
        return -1;
    return eval ? 0 : bind_backward(plan, op, err);
}

static int pack(struct plan *plan, struct op *op, struct err *err)
{
    struct conv_state *state = op->state;
    if (op->trains)
        return 0;
    stage_fold(plan, &op->stages[0], state->forward_bytes ? op_scratch_forward(plan, op) : op_packed(plan, op),
               behind(op_packed(plan, op), state->packed_bytes));
    return primitive_run(&state->pack_forward, onednn_of(plan), err);
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    struct conv_state *state = op->state;
    if (residual_run(plan, op, &state->copy_residual, err))
        return -1;
    if (op->trains && primitive_run(&state->pack_forward, onednn_of(plan), err))
        return -1;
    return primitive_run(&state->forward, onednn_of(plan), err);
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    struct conv_state *state = op->state;
    const struct onednn *onednn = onednn_of(plan);
    if (primitive_run(&state->weights, onednn, err) || primitive_run(&state->unpack_gradient, onednn, err) ||
        wgrad_gemm_run(&state->product, onednn, err))
        return -1;
    if (state->depthwise.kernels)
        depthwise_wgrad_run(&state->depthwise, op_layer(op)->groups, op_input_data(plan, op, IN_DATA),
                            op_result_grad(plan, op), param_grad(plan, op_layer(op)->weight));
    if (op->wants_grad[IN_DATA] &&
        (primitive_run(&state->pack_data, onednn, err) || primitive_run(&state->data, onednn, err)))
        return -1;
    if (state->input_bytes) {
        size_t before = state->scratchpad_backward + state->weight_bytes;
        add_into(op_input_grad(plan, op, IN_DATA), behind(op_scratch_backward(plan, op), before),
                 op_input(plan, op, IN_DATA)->bytes);
    }
    return 0;
}

static void release(struct op *op)
{
    struct conv_state *state = op->state;
    if (!state)
        return;
    struct primitive *all[] = { &state->forward,      &state->data,      &state->weights,
                                &state->pack_forward, &state->pack_data, &state->unpack_gradient,
                                &state->copy_residual };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        primitive_release(all[i]);
    wgrad_gemm_release(&state->product);
    free(state);
    op->state = NULL;
}

static const char *implementation(const struct op *op, enum op_pass pass)
{
    const struct conv_state *state = op->state;
    switch (pass) {
    case PASS_FORWARD:
        return primitive_implementation(&state->forward);
    case PASS_BACKWARD_DATA:
        return primitive_implementation(&state->data);
    case PASS_BACKWARD_WEIGHTS:
        return state->product.used        ? "matrix product"
               : state->depthwise.kernels ? "depthwise"
                                          : primitive_implementation(&state->weights);
    }
    return NULL;
}

const struct op_functions cpu_conv = {
    .prepare = prepare,
    .bind = bind,
    .pack = pack,
    .forward = forward,
    .backward = backward,
    .release = release,
    .implementation = implementation,
};
