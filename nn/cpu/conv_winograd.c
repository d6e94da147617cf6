/* 3x3 convolutions of stride 1 by our own loops (nn/cpu/kernels/winograd.h): oneDNN 2.6 has Winograd's algorithm for
 * none but old CPUs. All three passes go that way: forward, the gradient of the data, which is the same convolution
 * with rotated weights, and that of the weights.
 *
 * In training the weights are those that the optimiser moves, each step, so that each pass makes its own of them in
 * scratch. In evaluation batch norm is folded into the weights before; the sum and ReLU are done as the output is
 * written. */
#include <assert.h>
#include <omp.h>

#include "nn/cpu/kernels/winograd_wgrad.h"
#include "nn/cpu/kernels/winograd_pass.h"
#include "ops.h"
#include "residual.h"
#include "sizes.h"

struct winograd_state {
    struct primitives primitives;
    struct primitive copy_residual;
    struct winograd_pass forward, backward;
    struct winograd_wgrad gradient;
};

/* Whether a tile's waste at the edges of small planes leaves it fewer multiplications, transformations included, than a
 * kernel that goes over the plane: about half of them. */
static bool has_profit(const struct value *value)
{
    size_t tiles = (size_t)((value->h + 3) / 4) * (size_t)((value->w + 3) / 4);
    return WINOGRAD_TILE_ELEMENTS * tiles * 3 <= 9 * (size_t)value->h * (size_t)value->w * 2;
}

/* NULL: not for that op. */
static const struct winograd_kernels *kernels_for(const struct plan *plan, const struct op *op)
{
    const struct layer *layer = op_layer(op);
    const struct value *in = op_input(plan, op, IN_DATA);
    if (layer->kernel != 3 || layer->stride != 1 || layer->padding != 1 || layer->groups != 1 ||
        (op->trains && layer->bias >= 0) || !has_profit(in))
        return NULL;
    const struct winograd_kernels *kernels = layout_kernels(plan, op->in[IN_DATA])->winograd;
    bool fits = kernels && (size_t)in->c % kernels->panel == 0 && (size_t)layer->channels % kernels->panel == 0;
    return fits ? kernels : NULL;
}

bool conv_winograd_supports(const struct plan *plan, const struct op *op)
{
    return kernels_for(plan, op);
}

static void prepare_evaluation(struct op *op, const struct winograd *shape)
{
    const struct winograd_state *state = op->state;
    size_t folded = shape->channels * shape->outputs * 9;
    op->packed = floats_bytes(winograd_pass_weights_floats(&state->forward) + shape->outputs);
    /* When weights are packed it holds the folded ones too. */
    op->scratch_forward = floats_bytes(winograd_pass_scratch(&state->forward) + folded);
}

static void prepare_training(struct op *op, const struct winograd_kernels *kernels, const struct winograd *shape,
                             size_t threads)
{
    struct winograd_state *state = op->state;
    struct winograd rotated = *shape;
    rotated.channels = shape->outputs;
    rotated.outputs = shape->channels;
    winograd_pass_init(&state->backward, kernels, &rotated, threads);
    winograd_wgrad_init(&state->gradient, kernels, shape, threads);
    op->keep_in[IN_DATA] = true;
    op->scratch_forward =
        floats_bytes(winograd_pass_weights_floats(&state->forward) + winograd_pass_scratch(&state->forward));
    op->scratch_backward =
        floats_bytes(larger(winograd_pass_weights_floats(&state->backward) + winograd_pass_scratch(&state->backward),
                            winograd_wgrad_scratch(&state->gradient)));
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct winograd_state *state = op_state_new(op, sizeof *state, err);
    const struct value *in = op_input(plan, op, IN_DATA), *out = op_result(plan, op);
    size_t threads = (size_t)omp_get_max_threads();
    struct layout to;
    if (!state)
        return -1;
    const struct winograd_kernels *kernels = kernels_for(plan, op);
    assert(kernels);
    if (layout_blocked(&to, out, (int)kernels->block, err) || layout_to_value(plan, op->out[OUT_RESULT], &to, err))
        return -1;
    const struct winograd shape = { .n = (size_t)in->n,
                                    .channels = (size_t)in->c,
                                    .outputs = (size_t)out->c,
                                    .h = (size_t)in->h,
                                    .w = (size_t)in->w,
                                    .tiles_y = ((size_t)in->h + 3) / 4,
                                    .tiles_x = ((size_t)in->w + 3) / 4 };
    winograd_pass_init(&state->forward, kernels, &shape, threads);
    op_set_implementation(op, kernels->name);
    if (op->trains)
        prepare_training(op, kernels, &shape, threads);
    else
        prepare_evaluation(op, &shape);
    return residual_prepare(&state->copy_residual, plan, op, err);
}

/* Behind the packed weights; NULL in training, which packs none. */
static float *bias_of(const struct plan *plan, const struct op *op)
{
    const struct winograd_state *state = op->state;
    return behind(op_packed(plan, op), floats_bytes(winograd_pass_weights_floats(&state->forward)));
}

static int pack(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct winograd_state *state = op->state;
    float *scratch = op_scratch_forward(plan, op), *folded = scratch + winograd_pass_scratch(&state->forward);
    if (op->trains)
        return 0;
    stage_fold(plan, &op->stages[0], folded, bias_of(plan, op));
    winograd_pass_weights(&state->forward, folded, false, scratch, op_packed(plan, op));
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    const struct winograd_state *state = op->state;
    const struct winograd_end end = { bias_of(plan, op), op->in[IN_RESIDUAL] >= 0,
                                      op->stages[0].activation == ACTIVATION_RELU };
    float *scratch = op_scratch_forward(plan, op), *weights = op_packed(plan, op);
    if (residual_run(&state->copy_residual, plan, op, err))
        return -1;
    if (op->trains) {
        weights = scratch + winograd_pass_scratch(&state->forward);
        winograd_pass_weights(&state->forward, param_value(plan, op_layer(op)->weight), false, scratch, weights);
    }
    winograd_pass_run(&state->forward, op_input_data(plan, op, IN_DATA), weights, &end, scratch,
                      op_result_data(plan, op));
    return 0;
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct winograd_state *state = op->state;
    const struct winograd_end end = { .sum = op->accumulate[IN_DATA] };
    const float *dout = op_result_grad(plan, op);
    float *scratch = op_scratch_backward(plan, op), *weights = scratch + winograd_pass_scratch(&state->backward);
    winograd_wgrad_run(&state->gradient, op_input_data(plan, op, IN_DATA), dout, scratch,
                       param_grad(plan, op_layer(op)->weight));
    if (!op->wants_grad[IN_DATA])
        return 0;
    winograd_pass_weights(&state->backward, param_value(plan, op_layer(op)->weight), true, scratch, weights);
    winograd_pass_run(&state->backward, dout, weights, &end, scratch, op_input_grad(plan, op, IN_DATA));
    return 0;
}

const struct op_functions cpu_conv_winograd = {
    .prepare = prepare,
    .bind = primitives_bind,
    .pack = pack,
    .forward = forward,
    .backward = backward,
    .release = primitives_release,
};
