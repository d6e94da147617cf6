/* Batch norm with the activation behind it, by our own loops: oneDNN's would take a pass for each activation but ReLU,
 * and keep a workspace for that.
 *
 * Training normalises with the batch's mean and (biased) variance and moves the running ones towards them, the variance
 * unbiased, as PyTorch does. Backward computes what was before the activation anew: only the input is kept. Channels
 * that pad a layout to full blocks are 0 and stay 0. */
#include <assert.h>
#include <math.h>

#include "nn/cpu/onednn/layout.h"
#include "ops.h"

struct batch_norm_state {
    const struct batch_norm_kernels *kernels;
    struct batch_norm_strips strips; /* of a group */
    size_t groups, group_start;      /* how many, and how far apart they start */
    int block;                       /* channels of a group */
};

/* A group's floats lie together in a blocked layout, and in each pixel apart from the others' in channels-last. */
static int find_groups(struct batch_norm_state *state, const struct layout *layout, const struct value *value,
                       struct err *err)
{
    struct strips strips;
    if (layout_strips(layout, value, &strips, err))
        return -1;
    size_t images = (size_t)value->n, channels = (size_t)value->c;
    if (strips.blocking) {
        size_t count = strips.plane * strips.block;
        state->block = (int)strips.block;
        state->groups = strips.outer / images;
        state->strips = (struct batch_norm_strips){ images, count, state->groups * count };
        state->group_start = count;
    } else {
        state->block = BATCH_NORM_LANES;
        state->groups = (channels + BATCH_NORM_LANES - 1) / BATCH_NORM_LANES;
        state->strips = (struct batch_norm_strips){ images * strips.plane, BATCH_NORM_LANES, channels };
        state->group_start = BATCH_NORM_LANES;
    }
    return 0;
}

/* The strips of a group: the last one of channels-last may be narrower. */
static struct batch_norm_strips strips_of(const struct batch_norm_state *state, const struct value *value, size_t group)
{
    struct batch_norm_strips strips = state->strips;
    size_t left = (size_t)value->c - group * (size_t)state->block;
    if (state->strips.stride == (size_t)value->c && state->strips.count == BATCH_NORM_LANES && left < BATCH_NORM_LANES)
        strips.count = left;
    return strips;
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct batch_norm_state *state = op_state_new(op, sizeof *state, err);
    const struct value *value = op_input(plan, op, IN_DATA);
    struct layout layout;
    if (!state || layout_of_value(plan, op->in[IN_DATA], &layout, err) ||
        layout_to_value(plan, op->out[OUT_RESULT], &layout, err) || find_groups(state, &layout, value, err))
        return -1;
    assert(op->stages[0].activation != ACTIVATION_SIGMOID); /* which the loops do not know */
    state->kernels = kernels_up_to(ISA_BEST)->batch_norm;
    op_set_implementation(op, state->kernels->name);
    if (op->trains) {
        op->keep_in[IN_DATA] = true;
        op->share_grad = IN_DATA;
        op->saved = floats_bytes(2 * (size_t)value->c); /* the batch's means, then 1 / deviation */
    } else {
        op->share_data = IN_DATA;
    }
    return 0;
}

/* What is given by channel, by lane; 0 in lanes that are no channel's. */
static void spread(const struct batch_norm_state *state, const struct value *value, size_t group, const float *channels,
                   float *lanes)
{
    size_t first = group * (size_t)state->block;
    for (size_t i = 0; i < BATCH_NORM_LANES; i++) {
        size_t c = first + i % (size_t)state->block;
        lanes[i] = c < (size_t)value->c ? channels[c] : 0;
    }
}

/* The sum over the lanes of channel i of the group. */
static double lanes_of(const struct batch_norm_state *state, const double *lanes, int i)
{
    double sum = 0;
    for (int lane = i; lane < BATCH_NORM_LANES; lane += state->block)
        sum += lanes[lane];
    return sum;
}

/* `mean` by channel, 1 / deviation by lane. */
static void affine_of(const struct plan *plan, const struct op *op, size_t group, const float *mean,
                      const float *inverses, struct batch_norm_affine *affine)
{
    const struct batch_norm_state *state = op->state;
    const struct value *value = op_input(plan, op, IN_DATA);
    spread(state, value, group, mean, affine->mean);
    spread(state, value, group, param_value(plan, op_layer(op)->weight), affine->scale);
    spread(state, value, group, param_value(plan, op_layer(op)->bias), affine->shift);
    for (int i = 0; i < BATCH_NORM_LANES; i++)
        affine->scale[i] *= inverses[i];
}

static int channels_in(const struct batch_norm_state *state, const struct value *value, size_t group)
{
    int left = value->c - (int)group * state->block;
    return left < state->block ? left : state->block;
}

/* Mean and 1 / deviation of the group's channels in this batch, and the running statistics moved. The sums are of what
 * is left after taking off the first number seen: no difference of large squares. */
static void measure(struct plan *plan, const struct op *op, size_t group, float *mean, float *inverse)
{
    const struct batch_norm_state *state = op->state;
    const struct layer *layer = op_layer(op);
    const struct value *value = op_input(plan, op, IN_DATA);
    const float *x = op_input_data(plan, op, IN_DATA) + group * state->group_start;
    const struct batch_norm_strips strips = strips_of(state, value, group);
    float *running_mean = param_value(plan, layer->mean), *running_var = param_value(plan, layer->var);
    double count = (double)value->n * value->h * value->w, sum[BATCH_NORM_LANES] = { 0 },
           squares[BATCH_NORM_LANES] = { 0 };
    float pilot[BATCH_NORM_LANES] = { 0 };
    int channels = channels_in(state, value, group);
    for (int i = 0; i < BATCH_NORM_LANES; i++)
        if (i % state->block < channels)
            pilot[i] = x[i % state->block];
    state->kernels->moments(&strips, x, pilot, sum, squares);
    for (int i = 0; i < channels; i++) {
        int c = (int)group * state->block + i;
        double off = lanes_of(state, sum, i) / count;
        double variance = lanes_of(state, squares, i) / count - off * off;
        variance = variance > 0 ? variance : 0;
        mean[c] = (float)(pilot[i] + off);
        inverse[c] = (float)(1 / sqrt(variance + (double)layer->eps));
        running_mean[c] += layer->momentum * (mean[c] - running_mean[c]);
        running_var[c] += layer->momentum * ((float)(variance * count / (count - 1)) - running_var[c]);
    }
}

/* 1 / deviation by lane: the batch's, and the running one. */
static void inverses_of(const struct plan *plan, const struct op *op, size_t group, float *inverses)
{
    const struct value *value = op_input(plan, op, IN_DATA);
    if (op->trains) {
        spread(op->state, value, group, (const float *)op_saved(plan, op) + value->c, inverses);
        return;
    }
    spread(op->state, value, group, param_value(plan, op_layer(op)->var), inverses);
    for (int i = 0; i < BATCH_NORM_LANES; i++)
        inverses[i] = (float)(1 / sqrt((double)inverses[i] + (double)op_layer(op)->eps));
}

/* Into out, after the batch was measured if it is to be: else the statistics are those there. */
static void normalise(struct plan *plan, const struct op *op, bool measures)
{
    const struct batch_norm_state *state = op->state;
    const struct value *value = op_input(plan, op, IN_DATA);
    const float *in = op_input_data(plan, op, IN_DATA);
    float *out = op_result_data(plan, op);
    float *mean = op->trains ? op_saved(plan, op) : param_value(plan, op_layer(op)->mean);
#pragma omp parallel for schedule(static)
    for (size_t group = 0; group < state->groups; group++) {
        const struct batch_norm_strips strips = strips_of(state, value, group);
        size_t at = group * state->group_start;
        struct batch_norm_affine affine;
        float inverses[BATCH_NORM_LANES];
        if (measures)
            measure(plan, op, group, mean, mean + value->c);
        inverses_of(plan, op, group, inverses);
        affine_of(plan, op, group, mean, inverses, &affine);
        state->kernels->forward(&strips, op->stages[0].activation, &affine, in + at, out + at);
    }
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    normalise(plan, op, op->trains);
    if (op->trains)
        plan->weights->tracked[plan->net->params[op_layer(op)->tracked].offset]++;
    return 0;
}

static int recompute(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    normalise(plan, op, false);
    return 0;
}

/* With x' the normalised input and m the number of values a channel:
 * dbeta = sum dz, dgamma = sum dz x', dx = gamma inverse (dz - dbeta/m - x' dgamma/m). */
static int backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct batch_norm_state *state = op->state;
    const struct value *value = op_input(plan, op, IN_DATA);
    const float *in = op_input_data(plan, op, IN_DATA), *mean = op_saved(plan, op), *inverse = mean + value->c;
    float *dout = op_result_grad(plan, op), *din = op->wants_grad[IN_DATA] ? op_input_grad(plan, op, IN_DATA) : NULL;
    float *dgamma = param_grad(plan, op_layer(op)->weight), *dbeta = param_grad(plan, op_layer(op)->bias);
    double count = (double)value->n * value->h * value->w;
#pragma omp parallel for schedule(static)
    for (size_t group = 0; group < state->groups; group++) {
        const struct batch_norm_strips strips = strips_of(state, value, group);
        size_t at = group * state->group_start;
        int channels = channels_in(state, value, group);
        double dz[BATCH_NORM_LANES] = { 0 }, product[BATCH_NORM_LANES] = { 0 };
        struct batch_norm_affine affine;
        struct batch_norm_slopes slopes = { 0 };
        float inverses[BATCH_NORM_LANES];
        inverses_of(plan, op, group, inverses);
        affine_of(plan, op, group, mean, inverses, &affine);
        state->kernels->sums(&strips, op->stages[0].activation, &affine, in + at, dout + at, dz, product);
        for (int i = 0; i < BATCH_NORM_LANES; i++) {
            int c = (int)group * state->block + i % state->block;
            if (i % state->block >= channels)
                continue;
            double sum = lanes_of(state, dz, i % state->block), with = lanes_of(state, product, i % state->block);
            dbeta[c] = (float)sum;
            dgamma[c] = (float)(with * (double)inverse[c]);
            slopes.dz_mean[i] = (float)(sum / count);
            slopes.slope[i] = (float)((double)affine.scale[i] * with / count * (double)inverse[c] * (double)inverse[c]);
        }
        if (din)
            state->kernels->backward(&strips, op->stages[0].activation, &affine, &slopes, in + at, dout + at, din + at,
                                     op->accumulate[IN_DATA]);
    }
    return 0;
}

const struct op_functions cpu_batch_norm = {
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .recompute = recompute,
    .release = op_state_free,
};
