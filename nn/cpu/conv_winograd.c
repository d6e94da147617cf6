/* 3x3 convolutions of stride 1 by our own loops (nn/cpu/kernels/winograd.h): oneDNN 2.6 has Winograd's algorithm for
 * none but old CPUs. All three passes go that way: forward, the gradient of the data, which is the same convolution
 * with rotated weights, and that of the weights.
 *
 * In training the weights are those that the optimiser moves, each step, so that each pass makes its own of them in
 * scratch. In evaluation batch norm is folded into the weights before; the sum and ReLU are done as the output is
 * written. */
#include "conv_winograd.h"

#include <omp.h>
#include <stdlib.h>

#include "nn/cpu/kernels/winograd_wgrad.h"
#include "nn/cpu/kernels/winograd_pass.h"
#include "residual.h"

struct winograd_state {
    struct winograd_pass forward, backward;
    struct winograd_wgrad gradient;
    float *weights, *bias; /* not training */
    struct primitive copy_residual;
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
    const struct op_stage *conv = &op->stages[0];
    const struct layer *layer = conv->layer;
    const struct value *in = op_input(plan, op, IN_DATA);
    if (op->stage_count > 1 || layer->kernel != 3 || layer->stride != 1 || layer->padding != 1 || layer->groups != 1 ||
        (conv->activation != ACTIVATION_NONE && conv->activation != ACTIVATION_RELU) || op->in[IN_SCALE] >= 0 ||
        op->out[OUT_MEAN] >= 0 || (op->trains && (layer->bias >= 0 || !op_is_plain(op))) || !has_profit(in))
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
    op->packed = (winograd_pass_weights_floats(&state->forward) + shape->outputs) * sizeof(float);
    /* When weights are packed it holds the folded ones too. */
    op->scratch_forward = (winograd_pass_scratch(&state->forward) + folded) * sizeof(float);
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
        (winograd_pass_weights_floats(&state->forward) + winograd_pass_scratch(&state->forward)) * sizeof(float);
    op->scratch_backward =
        larger(winograd_pass_weights_floats(&state->backward) + winograd_pass_scratch(&state->backward),
               winograd_wgrad_scratch(&state->gradient)) *
        sizeof(float);
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct winograd_state *state = op->state = calloc(1, sizeof *state);
    const struct value *in = op_input(plan, op, IN_DATA), *out = op_result(plan, op);
    const int64_t dims[] = { out->n, out->c, out->h, out->w };
    size_t threads = (size_t)omp_get_max_threads();
    struct layout from, to;
    if (!state)
        return err_set(err, "out of memory for a plan");
    if (layout_of_value(plan, op->in[IN_DATA], &from, err) || layout_alike(&to, &from, in, dims, err) ||
        layout_to_value(plan, op->out[OUT_RESULT], &to, err))
        return -1;
    const struct winograd_kernels *kernels = kernels_for(plan, op);
    const struct winograd shape = { .n = (size_t)in->n,
                                    .channels = (size_t)in->c,
                                    .outputs = (size_t)out->c,
                                    .h = (size_t)in->h,
                                    .w = (size_t)in->w,
                                    .tiles_y = ((size_t)in->h + 3) / 4,
                                    .tiles_x = ((size_t)in->w + 3) / 4 };
    winograd_pass_init(&state->forward, kernels, &shape, threads);
    if (op->trains)
        prepare_training(op, kernels, &shape, threads);
    else
        prepare_evaluation(op, &shape);
    return residual_prepare(plan, op, &to, &state->copy_residual, err);
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct winograd_state *state = op->state;
    if (!op->trains) {
        state->weights = op_packed(plan, op);
        state->bias = state->weights + winograd_pass_weights_floats(&state->forward);
    }
    return residual_bind(plan, op, &state->copy_residual, err);
}

static int pack(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    struct winograd_state *state = op->state;
    float *scratch = op_scratch_forward(plan, op), *folded = scratch + winograd_pass_scratch(&state->forward);
    if (op->trains)
        return 0;
    stage_fold(plan, &op->stages[0], folded, state->bias);
    winograd_pass_weights(&state->forward, folded, false, scratch, state->weights);
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    const struct winograd_state *state = op->state;
    const struct winograd_end end = { state->bias, op->in[IN_RESIDUAL] >= 0,
                                      op->stages[0].activation == ACTIVATION_RELU };
    float *scratch = op_scratch_forward(plan, op), *weights = state->weights;
    if (residual_run(plan, op, &state->copy_residual, err))
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

static const char *implementation(const struct op *op, enum op_pass pass)
{
    (void)pass;
    return ((const struct winograd_state *)op->state)->forward.kernels->name;
}

static void release(struct op *op)
{
    struct winograd_state *state = op->state;
    if (!state)
        return;
    primitive_release(&state->copy_residual);
    free(state);
    op->state = NULL;
}

const struct op_functions cpu_conv_winograd = {
    .prepare = prepare,
    .bind = bind,
    .pack = pack,
    .forward = forward,
    .backward = backward,
    .release = release,
    .implementation = implementation,
};
