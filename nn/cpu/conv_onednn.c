/* Convolutions by oneDNN: input and output in blocked layouts, weights packed for each pass.
 *
 * In evaluation batch norm is folded into weights and bias, which are packed once, and the sum and the activation
 * behind it are done by the same primitive. In training the canonical weights are the ones that the optimiser moves,
 * each step, so that forward and backward-data pack them into scratch when their turn comes. Backward-weights writes
 * into the canonical gradient, by way of scratch where its layout differs; where oneDNN has no fast kernel for the
 * shape, loops of ours or a matrix product replace it. */
#include "nn/cpu/onednn/conv.h"

#include "accumulate.h"
#include "depthwise_wgrad.h"
#include "nn/cpu/onednn/engine.h"
#include "ops.h"
#include "residual.h"
#include "sizes.h"
#include "wgrad_gemm.h"

/* The weights' canonical layout, groups as a dimension of their own where there are several, and any of theirs. */
static int weight_layouts(const struct plan *plan, const struct op *op, struct layout *canonical, struct layout *any,
                          struct err *err)
{
    const struct layer *layer = op_layer(op);
    const int64_t *shape = plan->net->params[layer->weight].shape;
    int64_t dims[5];
    int rank = 0;
    if (layer->groups > 1)
        dims[rank++] = layer->groups;
    dims[rank++] = shape[0] / layer->groups;
    for (int i = 1; i < 4; i++)
        dims[rank++] = shape[i];
    if (layout_dense(canonical, VALUE_FLOAT32, rank, dims, err))
        return -1;
    return layout_any(any, VALUE_FLOAT32, rank, dims, err);
}

/* Without AVX2 oneDNN has no backward for blocked layouts, but is fairly fast on dense ones. A depthwise convolution
 * with any output may be given one for which there is only a plain loop: it is fast from a layout to the same. */
static int output_layout(const struct plan *plan, const struct op *op, const struct layout *in, struct layout *out,
                         struct err *err)
{
    const struct value *from = op_input(plan, op, IN_DATA), *to = op_result(plan, op);
    if (op->trains && !engine_of(plan)->block)
        return layout_dense(out, to->type, 4, VALUE_DIMS(to), err);
    if (layer_is_depthwise(op_layer(op)))
        return layout_alike(out, in, from, to, err);
    return layout_any(out, to->type, 4, VALUE_DIMS(to), err);
}

/* The forward primitive and its layouts; those of the weights that canonical ones have and that may be chosen. */
static int prepare_forward(struct plan *plan, struct op *op, struct conv_layouts *layouts, struct layout *canonical,
                           struct layout *any, struct err *err)
{
    const int64_t channels = op_result(plan, op)->c;
    layouts->has_bias = !op->trains || op_layer(op)->bias >= 0;
    if (layout_of_value(plan, op->in[IN_DATA], &layouts->src, err) || weight_layouts(plan, op, canonical, any, err) ||
        layout_dense(&layouts->bias, VALUE_FLOAT32, 1, &channels, err) ||
        output_layout(plan, op, &layouts->src, &layouts->dst, err))
        return -1;
    layouts->weights = *any;
    if (conv_init(plan, op, PASS_FORWARD, layouts, err))
        return -1;
    return layout_to_value(plan, op->out[OUT_RESULT], &layouts->dst, err);
}

static int forward_args(const struct plan *plan, const struct op *op, const struct conv_layouts *layouts,
                        struct location weights, struct location bias, struct err *err)
{
    const struct argument args[] = {
        { ARG_SRC, &layouts->src, AT_DATA(op->in[IN_DATA]) },
        { ARG_WEIGHTS, &layouts->weights, weights },
        { ARG_BIAS, layouts->has_bias ? &layouts->bias : NULL, bias },
        { ARG_DST, &layouts->dst, AT_DATA(op->out[OUT_RESULT]) },
    };
    return primitive_args(primitive_of(op, PASS_FORWARD), plan, args, sizeof args / sizeof *args, err);
}

struct conv_eval_state {
    struct primitives primitives;
    struct primitive pack; /* empty where the canonical layout serves */
    struct primitive copy_residual;
    bool packs;
    size_t bias_at; /* behind the packed weights */
};

static int eval_prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct conv_eval_state *state = op_state_new(op, sizeof *state, err);
    struct conv_layouts layouts;
    struct layout canonical, any;
    if (!state || prepare_forward(plan, op, &layouts, &canonical, &any, err))
        return -1;
    const struct location folded = AT_OFFSET(REGION_FORWARD, 0), packed = AT_OFFSET(REGION_PACKED, 0);
    const struct reorder pack = { canonical, folded, layouts.weights, packed };
    state->packs = !layout_equal(&canonical, &layouts.weights);
    state->bias_at = layout_room(&layouts.weights);
    op->packed = state->bias_at + floats_bytes((size_t)op_result(plan, op)->c);
    op->scratch_forward = larger(primitive_of(op, PASS_FORWARD)->scratchpad, layout_bytes(&canonical));
    if (forward_args(plan, op, &layouts, packed, AT_OFFSET(REGION_PACKED, state->bias_at), err) ||
        (state->packs && reorder_init(&state->pack, plan, op, &pack, err)))
        return -1;
    return residual_prepare(&state->copy_residual, plan, op, err);
}

static int eval_pack(struct plan *plan, struct op *op, struct err *err)
{
    const struct conv_eval_state *state = op->state;
    float *packed = op_packed(plan, op), *weights = state->packs ? op_scratch_forward(plan, op) : packed;
    stage_fold(plan, &op->stages[0], weights, behind(packed, state->bias_at));
    return primitive_run(&state->pack, plan, err);
}

static int eval_forward(struct plan *plan, struct op *op, struct err *err)
{
    const struct conv_eval_state *state = op->state;
    if (residual_run(&state->copy_residual, plan, op, err))
        return -1;
    return primitives_forward(plan, op, err);
}

const struct op_functions cpu_conv_eval = {
    .prepare = eval_prepare,
    .bind = primitives_bind,
    .pack = eval_pack,
    .forward = eval_forward,
    .release = primitives_release,
};

struct conv_train_state {
    struct primitives primitives;
    struct primitive pack_forward, pack_data, unpack_gradient; /* empty where the canonical layout serves */
    /* Instead of backward-weights for some shapes; the second from dense copies. */
    struct depthwise_wgrad depthwise;
    struct wgrad_gemm gemm;
    struct primitive copy_in, copy_dout;
    size_t dout_at, unfolded_at; /* in the backward scratch */
    size_t din_at;               /* likewise */
};

/* Dense copies of input and gradient, and what is unfolded. */
static int prepare_gemm(const struct plan *plan, struct op *op, const struct conv_layouts *layouts, struct err *err)
{
    struct conv_train_state *state = op->state;
    const struct value *from = op_input(plan, op, IN_DATA), *to = op_result(plan, op);
    struct reorder in = { layouts->src, AT_DATA(op->in[IN_DATA]), .target = AT_OFFSET(REGION_BACKWARD, 0) };
    struct reorder dout = { layouts->dst, AT_GRAD(op->out[OUT_RESULT]), .target = AT_OFFSET(REGION_BACKWARD, 0) };
    if (layout_dense(&in.to, from->type, 4, VALUE_DIMS(from), err) || layout_channels_last(&dout.to, to, err))
        return -1;
    state->dout_at = dout.target.offset = layout_room(&in.to);
    state->unfolded_at = state->dout_at + layout_room(&dout.to);
    wgrad_gemm_init(&state->gemm, op_layer(op), from, to);
    if (reorder_init(&state->copy_in, plan, op, &in, err))
        return -1;
    return reorder_init(&state->copy_dout, plan, op, &dout, err);
}

/* oneDNN's primitive or what replaces it. */
static int prepare_wgrad(const struct plan *plan, struct op *op, struct conv_layouts *layouts, struct err *err)
{
    struct conv_train_state *state = op->state;
    struct primitive *primitive = primitive_of(op, PASS_BACKWARD_WEIGHTS);
    if (conv_init(plan, op, PASS_BACKWARD_WEIGHTS, layouts, err))
        return -1;
    if (!primitive_is_reference(primitive))
        return 0;
    primitive_clear(primitive);
    depthwise_wgrad_init(&state->depthwise, plan, op);
    op->implementation[PASS_BACKWARD_WEIGHTS] = state->depthwise.kernels ? "depthwise" : "matrix product";
    return state->depthwise.kernels ? 0 : prepare_gemm(plan, op, layouts, err);
}

static int dgrad_args(const struct plan *plan, struct op *op, const struct conv_layouts *layouts,
                      const struct reorder *pack, struct err *err)
{
    struct conv_train_state *state = op->state;
    bool packs = !layout_equal(&pack->from, &pack->to);
    const struct argument args[] = {
        { ARG_DIFF_DST, &layouts->dst, AT_GRAD(op->out[OUT_RESULT]) },
        { ARG_WEIGHTS, &layouts->weights, packs ? pack->target : pack->source },
        { ARG_DIFF_SRC, &layouts->src, accumulate_target(op, state->din_at) },
    };
    if (packs && reorder_init(&state->pack_data, plan, op, pack, err))
        return -1;
    return primitive_args(primitive_of(op, PASS_BACKWARD_DATA), plan, args, sizeof args / sizeof *args, err);
}

static int wgrad_args(const struct plan *plan, struct op *op, const struct conv_layouts *layouts,
                      const struct reorder *unpack, struct err *err)
{
    struct conv_train_state *state = op->state;
    bool unpacks = !layout_equal(&unpack->from, &unpack->to);
    const struct argument args[] = {
        { ARG_SRC, &layouts->src, AT_DATA(op->in[IN_DATA]) },
        { ARG_DIFF_DST, &layouts->dst, AT_GRAD(op->out[OUT_RESULT]) },
        { ARG_DIFF_WEIGHTS, &layouts->weights, unpacks ? unpack->source : unpack->target },
        { ARG_DIFF_BIAS, layouts->has_bias ? &layouts->bias : NULL, AT_PARAM_GRAD(op_layer(op)->bias) },
    };
    if (unpacks && reorder_init(&state->unpack_gradient, plan, op, unpack, err))
        return -1;
    return primitive_args(primitive_of(op, PASS_BACKWARD_WEIGHTS), plan, args, sizeof args / sizeof *args, err);
}

/* The backward scratch: a scratchpad, or what the matrix product works on; the weights' gradient, then the packed
 * weights; the input's gradient where that is added. */
static int prepare_backward(const struct plan *plan, struct op *op, const struct conv_layouts *forward,
                            const struct layout *canonical, const struct layout *any, struct err *err)
{
    struct conv_train_state *state = op->state;
    const struct layer *layer = op_layer(op);
    const struct primitive *dgrad = primitive_of(op, PASS_BACKWARD_DATA);
    const struct primitive *wgrad = primitive_of(op, PASS_BACKWARD_WEIGHTS);
    struct conv_layouts data = *forward, weights = *forward;
    data.weights = weights.weights = *any;
    if ((op->wants_grad[IN_DATA] && conv_init(plan, op, PASS_BACKWARD_DATA, &data, err)) ||
        prepare_wgrad(plan, op, &weights, err))
        return -1;
    size_t gemm = state->gemm.chunk ? state->unfolded_at + wgrad_gemm_scratch(&state->gemm) : 0;
    size_t packed_at = larger(larger(dgrad->scratchpad, wgrad->scratchpad), gemm);
    struct location packed = AT_OFFSET(REGION_BACKWARD, packed_at);
    const struct reorder pack = { *canonical, AT_PARAM(layer->weight), data.weights, packed };
    const struct reorder unpack = { weights.weights, packed, *canonical, AT_PARAM_GRAD(layer->weight) };
    bool packs = dgrad->handle && !layout_equal(&pack.from, &pack.to);
    bool unpacks = wgrad->handle && !layout_equal(&unpack.from, &unpack.to);
    state->din_at =
        packed_at + larger(packs ? layout_room(&data.weights) : 0, unpacks ? layout_room(&weights.weights) : 0);
    op->scratch_backward = state->din_at + accumulate_bytes(plan, op);
    if (dgrad->handle && dgrad_args(plan, op, &data, &pack, err))
        return -1;
    return wgrad->handle ? wgrad_args(plan, op, &weights, &unpack, err) : 0;
}

static int train_prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct conv_train_state *state = op_state_new(op, sizeof *state, err);
    const struct layer *layer = op_layer(op);
    struct conv_layouts layouts;
    struct layout canonical, any;
    if (!state || prepare_forward(plan, op, &layouts, &canonical, &any, err))
        return -1;
    op->keep_in[IN_DATA] = true;
    op->scratch_forward = primitive_of(op, PASS_FORWARD)->scratchpad;
    struct location weights = AT_PARAM(layer->weight);
    if (!layout_equal(&canonical, &layouts.weights)) {
        weights = AT_OFFSET(REGION_FORWARD, op->scratch_forward);
        op->scratch_forward += layout_room(&layouts.weights);
        const struct reorder pack = { canonical, AT_PARAM(layer->weight), layouts.weights, weights };
        if (reorder_init(&state->pack_forward, plan, op, &pack, err))
            return -1;
    }
    if (forward_args(plan, op, &layouts, weights, AT_PARAM(layer->bias), err))
        return -1;
    return prepare_backward(plan, op, &layouts, &canonical, &any, err);
}

static int train_forward(struct plan *plan, struct op *op, struct err *err)
{
    const struct conv_train_state *state = op->state;
    if (primitive_run(&state->pack_forward, plan, err))
        return -1;
    return primitives_forward(plan, op, err);
}

static int run_gemm(const struct plan *plan, const struct op *op, struct err *err)
{
    const struct conv_train_state *state = op->state;
    const struct layer *layer = op_layer(op);
    void *scratch = op_scratch_backward(plan, op);
    if (primitive_run(&state->copy_in, plan, err) || primitive_run(&state->copy_dout, plan, err))
        return -1;
    const struct wgrad_buffers buffers = { .in = scratch,
                                           .dout = behind(scratch, state->dout_at),
                                           .unfolded = behind(scratch, state->unfolded_at),
                                           .dweight = param_grad(plan, layer->weight),
                                           .dbias = param_grad(plan, layer->bias) };
    return wgrad_gemm_run(&state->gemm, &buffers, err);
}

static int run_wgrad(const struct plan *plan, const struct op *op, struct err *err)
{
    const struct conv_train_state *state = op->state;
    if (state->gemm.chunk)
        return run_gemm(plan, op, err);
    if (state->depthwise.kernels) {
        depthwise_wgrad_run(&state->depthwise, op_layer(op)->groups, op_input_data(plan, op, IN_DATA),
                            op_result_grad(plan, op), param_grad(plan, op_layer(op)->weight));
        return 0;
    }
    if (primitive_run(primitive_of(op, PASS_BACKWARD_WEIGHTS), plan, err))
        return -1;
    return primitive_run(&state->unpack_gradient, plan, err);
}

static int train_backward(struct plan *plan, struct op *op, struct err *err)
{
    const struct conv_train_state *state = op->state;
    if (run_wgrad(plan, op, err))
        return -1;
    if (!op->wants_grad[IN_DATA])
        return 0;
    if (primitive_run(&state->pack_data, plan, err) || primitive_run(primitive_of(op, PASS_BACKWARD_DATA), plan, err))
        return -1;
    accumulate_run(plan, op, state->din_at);
    return 0;
}

const struct op_functions cpu_conv_train = {
    .prepare = train_prepare,
    .bind = primitives_bind,
    .forward = train_forward,
    .backward = train_backward,
    .release = primitives_release,
};
