/* 3x3 convolutions of stride 1 in evaluation, by our own loops (nn/kernels/winograd.h): oneDNN 2.6 has Winograd's
 * algorithm for none but old CPUs. Batch norm is folded into the weights before they are transformed; the sum and ReLU
 * are done as the output is written.
 *
 * Training does without: its gradients are held to more digits. So do layers whose transformed weights, four times the
 * plain ones, are large: at 512 channels they would be 38 MB that each batch reads from memory. For single images, which
 * is how models are served, the bound is lower: there memory counts more than time. */
#include "winograd.h"

#include "nn/kernels/winograd.h"
#include "sum.h"

#define WEIGHTS_MAX ((size_t)16 << 20)
#define WEIGHTS_MAX_SINGLE ((size_t)8 << 20)

struct winograd_state {
    const struct winograd_kernels *kernels;
    struct winograd shape;
    float *transformed, *bias;
    struct primitive copy_sum;
};

static size_t round_of(const struct winograd *shape)
{
    size_t tiles = winograd_tiles(shape);
    return tiles < WINOGRAD_ROUND ? tiles : WINOGRAD_ROUND;
}

static const struct winograd_kernels *kernels_for(const struct plan *plan, const struct op *op, const struct layout *in)
{
    const struct layer *layer = op->layer;
    const struct value *from = &plan->values[op->in[0]];
    struct strips strips;
    struct err none = ERR_INIT;
    if (op->trains || layer->kernel != 3 || layer->stride != 1 || layer->padding != 1 ||
        layer->groups != 1 || (op->activation != ACTIVATION_NONE && op->activation != ACTIVATION_RELU) ||
        layout_strips(in, from, &strips, &none) || !strips.blocking)
        return NULL;
    const struct winograd_kernels *kernels = winograd_find(strips.block);
    size_t channels = (size_t)from->c, outputs = (size_t)layer->channels;
    size_t most = from->n == 1 ? WEIGHTS_MAX_SINGLE : WEIGHTS_MAX;
    if (!kernels || channels % kernels->block || outputs % kernels->outputs ||
        WINOGRAD_PLACES * channels * outputs * sizeof(float) > most)
        return NULL;
    return kernels;
}

bool winograd_fits(const struct plan *plan, const struct op *op, const struct layout *in)
{
    return kernels_for(plan, op, in);
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct winograd_state *state = op->state = calloc(1, sizeof *state);
    const struct value *in = &plan->values[op->in[0]], *out = &plan->values[op->out];
    const int64_t dims[] = { out->n, out->c, out->h, out->w };
    struct layout from, to;
    if (!state)
        return err_set(err, "out of memory for a plan");
    if (layout_of_value(plan, op->in[0], &from, err) || layout_alike(&to, &from, in, dims, err) ||
        layout_to_value(plan, op->out, &to, err))
        return -1;
    state->kernels = kernels_for(plan, op, &from);
    state->shape = (struct winograd){ .n = (size_t)in->n,
                                      .channels = (size_t)in->c,
                                      .outputs = (size_t)out->c,
                                      .h = (size_t)in->h,
                                      .w = (size_t)in->w,
                                      .tiles_y = ((size_t)in->h + 3) / 4,
                                      .tiles_x = ((size_t)in->w + 3) / 4 };
    size_t pairs = state->shape.channels * state->shape.outputs;
    state->transformed = aligned_alloc(64, DNN_ALIGN(WINOGRAD_PLACES * pairs * sizeof(float)));
    state->bias = aligned_alloc(64, DNN_ALIGN(state->shape.outputs * sizeof(float)));
    if (!state->transformed || !state->bias)
        return err_set(err, "out of memory for transformed weights");
    /* What a round has seen and made; or, when weights are packed, the folded ones. */
    size_t round = WINOGRAD_PLACES * round_of(&state->shape) * (state->shape.channels + state->shape.outputs);
    op->scratch_forward = (round > 9 * pairs ? round : 9 * pairs) * sizeof(float);
    return sum_prepare(plan, op, &to, &state->copy_sum, err);
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct winograd_state *state = op->state;
    return sum_bind(plan, op, &state->copy_sum, err);
}

static int pack(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    struct winograd_state *state = op->state;
    float *folded = op_scratch_forward(plan, op);
    fold_norm(plan, op->layer, op->norm, folded, state->bias);
    state->kernels->weights(&state->shape, folded, state->transformed);
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    const struct winograd_state *state = op->state;
    const struct winograd_kernels *kernels = state->kernels;
    const struct winograd *shape = &state->shape;
    bool sum = op->in[1] >= 0, relu = op->activation == ACTIVATION_RELU;
    const float *in = value_data(plan, op->in[0]);
    float *out = value_data(plan, op->out), *seen = op_scratch_forward(plan, op);
    float *made = seen + WINOGRAD_PLACES * round_of(shape) * shape->channels;
    size_t tiles = winograd_tiles(shape);
    if (sum_run(plan, op, &state->copy_sum, err))
        return -1;
    for (size_t first = 0; first < tiles; first += WINOGRAD_ROUND) {
        size_t count = tiles - first < WINOGRAD_ROUND ? tiles - first : WINOGRAD_ROUND;
#pragma omp parallel
        {
#pragma omp for schedule(static)
            for (size_t block = 0; block < shape->channels / kernels->block; block++)
                kernels->input(shape, in, block, first, count, seen);
#pragma omp for schedule(static)
            for (size_t place = 0; place < WINOGRAD_PLACES; place++)
                kernels->multiply(shape, place, count, seen, state->transformed, made);
#pragma omp for schedule(static)
            for (size_t block = 0; block < shape->outputs / kernels->block; block++)
                kernels->output(shape, made, state->bias, block, first, count, sum, relu, out);
        }
    }
    return 0;
}

static const char *implementation(const struct op *op, enum op_pass pass)
{
    (void)pass;
    return ((const struct winograd_state *)op->state)->kernels->name;
}

static void release(struct op *op)
{
    struct winograd_state *state = op->state;
    if (!state)
        return;
    primitive_release(&state->copy_sum);
    free(state->transformed);
    free(state->bias);
    free(state);
    op->state = NULL;
}

const struct op_functions onednn_winograd = {
    .prepare = prepare,
    .bind = bind,
    .pack = pack,
    .forward = forward,
    .release = release,
    .implementation = implementation,
};
