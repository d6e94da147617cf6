/* The inside of an inverted residual in evaluation, row by row: a 1x1 convolution that expands, the depthwise one
 * behind it, and either the average of what that makes or the 1x1 convolution that projects it; the first and the last
 * may be missing. Of what is expanded, six times as much as the input, there are never more rows than the depthwise
 * convolution sees at once, and they do not leave the cache; nor does, where it is projected, what that makes of them.
 *
 * A group is the blocks of channels that are expanded together. Without projection a job is a group of an image, so
 * that its weights stay; with it all groups of a row, whose weights have to stay then: for early blocks, of few
 * channels and large planes. Either may be a part of the rows, where that gives every thread work. The rows of a group
 * lie in a ring, zeros at both ends for the padding. */
#include <assert.h>
#include <omp.h>
#include <string.h>

#include "conv_1x1.h"
#include "input_copy.h"
#include "nn/cpu/onednn/engine.h"
#include "ops.h"
#include "residual.h"
#include "sizes.h"

#define PART_ROWS 7 /* of outputs, at least: the parts of an image make the rows between them twice */
#define PROJECTED_WEIGHTS ((size_t)80 << 10) /* bytes, of the expansion and the projection */

struct mbconv_state {
    struct primitives primitives;
    struct input_copy data; /* blocked */
    struct primitive copy_residual;
    bool copies_rows; /* of what is added to the projection: row by row, before it is */
    const struct conv_1x1_kernels *conv_1x1;
    const struct depthwise_kernels *depthwise;
    struct conv_1x1 expansion, projection; /* of no channels: none */
    struct depthwise_row row;
    size_t images, h, w, padding, out_h;
    size_t channels; /* of the depthwise convolution */
    size_t group_blocks, groups;
    size_t parts;                                /* that the rows of an image are split into */
    size_t row_floats, ring_floats, own_floats;  /* a row of a ring, a group's ring, what a thread has to itself */
    float *expansion_weights, *expansion_bias;   /* (panels, C, panel), (panels, panel) */
    float *taps, *bias;                          /* (blocks, K, K, B), (blocks, B) */
    float *projection_weights, *projection_bias; /* as the expansion's */
};

/* The stages by what they are; NULL: none. Without a depthwise one the op is another. */
struct parts {
    const struct op_stage *expansion, *depthwise, *projection;
};

static struct parts parts_of(const struct op *op)
{
    const struct op_stage *stage = op->stages, *end = stage + op->stage_count;
    struct parts parts = { NULL };
    if (layer_is_pointwise(stage->layer))
        parts.expansion = stage++;
    if (stage < end && layer_is_depthwise(stage->layer))
        parts.depthwise = stage++;
    if (stage < end && layer_is_pointwise(stage->layer))
        parts.projection = stage++;
    return stage == end ? parts : (struct parts){ NULL };
}

static size_t blocks_of(const struct mbconv_state *state, size_t channels)
{
    return (channels + state->conv_1x1->block - 1) / state->conv_1x1->block;
}

static size_t weights_of(const struct plan *plan, const struct op_stage *stage)
{
    return stage ? plan->net->params[stage->layer->weight].count : 0;
}

bool mbconv_supports(const struct plan *plan, const struct op *op)
{
    const struct parts parts = parts_of(op);
    const struct kernels *kernels = engine_of(plan)->kernels;
    if (!parts.depthwise || !kernels->conv_1x1 || !kernels->depthwise)
        return false;
    const struct layer *depthwise = parts.depthwise->layer;
    bool in_is_wide = conv_1x1_is_wide(kernels->conv_1x1, op_input(plan, op, IN_DATA));
    bool out_is_wide = conv_1x1_is_wide(kernels->conv_1x1, op_result(plan, op));
    if ((depthwise->kernel != 3 && depthwise->kernel != 5) || depthwise->stride > 2 ||
        (parts.expansion ? !in_is_wide : !out_is_wide))
        return false;
    if (!parts.projection)
        return op->in[IN_RESIDUAL] < 0;
    size_t weights = weights_of(plan, parts.expansion) + weights_of(plan, parts.projection);
    return op->out[OUT_MEAN] < 0 && out_is_wide && floats_bytes(weights) <= PROJECTED_WEIGHTS;
}

static int prepare_outputs(struct plan *plan, struct op *op, struct err *err)
{
    struct mbconv_state *state = op->state;
    int out = op->out[OUT_RESULT], mean = op->out[OUT_MEAN], block = (int)state->conv_1x1->block;
    struct layout to, mean_to;
    if (layout_blocked(&to, &plan->values[out], block, err) || layout_to_value(plan, out, &to, err) ||
        residual_prepare(&state->copy_residual, plan, op, err))
        return -1;
    state->copies_rows = op->share_data == IN_RESIDUAL;
    if (mean < 0)
        return 0;
    if (layout_blocked(&mean_to, &plan->values[mean], block, err))
        return -1;
    return layout_to_value(plan, mean, &mean_to, err);
}

static void shape_stages(const struct plan *plan, struct op *op)
{
    struct mbconv_state *state = op->state;
    const struct value *in = op_input(plan, op, IN_DATA), *out = op_result(plan, op);
    const struct parts parts = parts_of(op);
    assert(parts.depthwise);
    const struct layer *depthwise = parts.depthwise->layer;
    size_t block = state->conv_1x1->block;
    state->images = (size_t)in->n;
    state->h = (size_t)in->h;
    state->w = (size_t)in->w;
    state->padding = (size_t)depthwise->padding;
    state->out_h = (size_t)out->h;
    state->channels = (size_t)depthwise->channels;
    state->row = (struct depthwise_row){ .kernel = (size_t)depthwise->kernel,
                                         .stride = (size_t)depthwise->stride,
                                         .out_w = (size_t)out->w,
                                         .activation = parts.depthwise->activation };
    state->row_floats = (state->w + 2 * state->padding) * block;
    if (parts.expansion)
        state->expansion = (struct conv_1x1){ .channels = (size_t)in->c,
                                              .outputs = state->channels,
                                              .in_plane = state->h * state->w * block,
                                              .out_plane = state->row.kernel * state->row_floats,
                                              .activation = parts.expansion->activation };
    if (parts.projection)
        state->projection = (struct conv_1x1){ .channels = state->channels,
                                               .outputs = (size_t)out->c,
                                               .in_plane = state->row.out_w * block,
                                               .out_plane = state->out_h * state->row.out_w * block,
                                               .sum = op->in[IN_RESIDUAL] >= 0,
                                               .activation = parts.projection->activation };
    state->group_blocks = parts.expansion ? state->conv_1x1->panel / block : 1;
    state->groups = (blocks_of(state, state->channels) + state->group_blocks - 1) / state->group_blocks;
    state->ring_floats = state->group_blocks * state->row.kernel * state->row_floats;
}

static size_t taps_of(const struct mbconv_state *state)
{
    return state->row.kernel * state->row.kernel;
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct mbconv_state *state = op_state_new(op, sizeof *state, err);
    size_t threads = (size_t)omp_get_max_threads();
    if (!state)
        return -1;
    state->conv_1x1 = engine_of(plan)->kernels->conv_1x1;
    state->depthwise = engine_of(plan)->kernels->depthwise;
    op_set_implementation(op, state->conv_1x1->block == 16 ? "mbconv:avx512" : "mbconv:avx2");
    if (prepare_outputs(plan, op, err) ||
        input_copy_blocked(&state->data, plan, op, IN_DATA, AT_OFFSET(REGION_FORWARD, 0), err))
        return -1;
    shape_stages(plan, op);
    size_t block = state->conv_1x1->block, blocks = blocks_of(state, state->channels);
    bool projects = state->projection.channels;
    state->parts = conv_1x1_parts(projects ? state->images : state->images * state->groups, state->out_h, PART_ROWS);
    /* The ring of a group and a row of zeros; or those of all groups and a row of what the projection reads. */
    state->own_floats = (projects ? state->groups : 1) * state->ring_floats + state->row_floats +
                        (projects ? blocks * state->row.out_w * block : 0);
    op->packed = floats_bytes(conv_1x1_packed_floats(state->conv_1x1, &state->expansion) +
                              blocks * (taps_of(state) + 1) * block +
                              conv_1x1_packed_floats(state->conv_1x1, &state->projection));
    /* What threads have, sums for the means, and the blocked input; or, when weights are packed, the folded ones.
     */
    size_t sums = op->out[OUT_MEAN] >= 0 ? state->images * state->parts * blocks * block : 0;
    size_t running = floats_bytes(threads * state->own_floats + sums) + state->data.bytes;
    size_t folded = larger(larger(state->expansion.channels, taps_of(state)) * state->channels,
                           state->projection.channels * state->projection.outputs);
    op->scratch_forward = larger(running, floats_bytes(folded));
    return 0;
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct mbconv_state *state = op->state;
    size_t block = state->depthwise->block, blocks = blocks_of(state, state->channels);
    state->expansion_weights = op_packed(plan, op);
    state->taps = state->expansion_weights + conv_1x1_packed_floats(state->conv_1x1, &state->expansion);
    state->bias = state->taps + blocks * taps_of(state) * block;
    state->projection_weights = state->bias + blocks * block;
    state->expansion_bias = state->expansion_weights + conv_1x1_weights_floats(state->conv_1x1, &state->expansion);
    state->projection_bias = state->projection_weights + conv_1x1_weights_floats(state->conv_1x1, &state->projection);
    return primitives_bind(plan, op, err);
}

static void pack_pointwise(const struct plan *plan, const struct mbconv_state *state, const struct op_stage *stage,
                           const struct conv_1x1 *shape, float *folded, float *weights, float *bias)
{
    stage_fold(plan, stage, folded, bias);
    state->conv_1x1->pack(shape, folded, weights);
}

static int pack(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    struct mbconv_state *state = op->state;
    const struct parts parts = parts_of(op);
    size_t taps = taps_of(state), block = state->depthwise->block;
    float *folded = op_scratch_forward(plan, op);
    if (parts.expansion)
        pack_pointwise(plan, state, parts.expansion, &state->expansion, folded, state->expansion_weights,
                       state->expansion_bias);
    if (parts.projection)
        pack_pointwise(plan, state, parts.projection, &state->projection, folded, state->projection_weights,
                       state->projection_bias);
    stage_fold(plan, parts.depthwise, folded, state->bias);
    for (size_t c = 0; c < state->channels; c++)
        for (size_t k = 0; k < taps; k++)
            state->taps[(c / block * taps + k) * block + c % block] = folded[c * taps + k];
    return 0;
}

/* What a thread works in. Rows of the image count from its padding, so that none is negative; row r of a ring is at
 * r % kernel. */
struct mbconv_buffers {
    const float *in;     /* the image's */
    float *rings, *line; /* (groups, group_blocks, K, row), (blocks, OW, B) */
    const float *zeros;  /* (row) */
};

static struct mbconv_buffers buffers_of(const struct mbconv_state *state, const float *in, float *own)
{
    size_t rings = (state->projection.channels ? state->groups : 1) * state->ring_floats;
    size_t rows = rings / state->row_floats, side = state->padding * state->depthwise->block;
    /* Of the rings' rows only the ends stay as they are. */
    for (size_t r = 0; r < rows; r++) {
        memset(own + r * state->row_floats, 0, side * sizeof *own);
        memset(own + (r + 1) * state->row_floats - side, 0, side * sizeof *own);
    }
    memset(own + rings, 0, state->row_floats * sizeof *own);
    return (
        struct mbconv_buffers){ .in = in, .rings = own, .zeros = own + rings, .line = own + rings + state->row_floats };
}

static void run_pointwise(const struct mbconv_state *state, const struct conv_1x1 *shape, size_t count, const float *in,
                          size_t panel, const float *weights, const float *bias, struct conv_1x1_prefetch *prefetch,
                          float *out)
{
    const struct conv_1x1_kernels *kernels = state->conv_1x1;
    kernels->run(shape, count, in, panel, weights + conv_1x1_panel(kernels, shape, panel),
                 bias + panel * kernels->panel, prefetch, out);
}

/* Row r of the image, of one group, into its ring. */
static void make_row(const struct mbconv_state *state, const struct mbconv_buffers *buffers, size_t group, size_t r,
                     float *ring, struct conv_1x1_prefetch *prefetch)
{
    size_t block = state->depthwise->block, width = state->w * block;
    float *to = ring + r % state->row.kernel * state->row_floats + state->padding * block;
    if (r < state->padding || r >= state->padding + state->h)
        return;
    r -= state->padding;
    if (state->expansion.channels)
        run_pointwise(state, &state->expansion, state->w, buffers->in + r * width, group, state->expansion_weights,
                      state->expansion_bias, prefetch, to);
    else
        memcpy(to, buffers->in + (group * state->h + r) * width, width * sizeof *to);
}

/* Row y of what the depthwise convolution makes of one block of a group. */
static void run_depthwise(const struct mbconv_state *state, const struct mbconv_buffers *buffers, size_t group,
                          size_t block, size_t y, const float *ring, float *out)
{
    size_t kernel = state->row.kernel, top = y * state->row.stride, bottom = state->padding + state->h;
    size_t at = group * state->group_blocks + block, lanes = state->depthwise->block;
    const float *plane = ring + block * kernel * state->row_floats, *rows[DEPTHWISE_KERNEL_MAX];
    for (size_t k = 0; k < kernel; k++) {
        size_t r = top + k;
        rows[k] = r >= state->padding && r < bottom ? plane + r % kernel * state->row_floats : buffers->zeros;
    }
    state->depthwise->forward(&state->row, rows, state->taps + at * taps_of(state) * lanes, state->bias + at * lanes,
                              out);
}

static size_t blocks_in(const struct mbconv_state *state, size_t group)
{
    size_t left = blocks_of(state, state->channels) - group * state->group_blocks;
    return left < state->group_blocks ? left : state->group_blocks;
}

/* The rows that row y is the first to need, of those after `made`. */
static size_t make_rows(const struct mbconv_state *state, const struct mbconv_buffers *buffers, size_t group, size_t y,
                        size_t made, float *ring, struct conv_1x1_prefetch *prefetch)
{
    size_t end = y * state->row.stride + state->row.kernel;
    for (; made < end; made++)
        make_row(state, buffers, group, made, ring, prefetch);
    return made;
}

/* Rows [first, end) of the outputs of a group; their sums, where there are any to be made, are set. */
static void run_group(const struct mbconv_state *state, const struct mbconv_buffers *buffers, size_t group,
                      size_t first, size_t end, float *out, float *sums)
{
    size_t block = state->depthwise->block, width = state->row.out_w * block, made = first * state->row.stride;
    size_t at = group * state->group_blocks;
    struct conv_1x1_prefetch prefetch = { 0 };
    if (state->expansion.channels)
        prefetch = conv_1x1_prefetch(state->conv_1x1, &state->expansion, state->expansion_weights, group, end - first,
                                     state->w);
    if (sums)
        memset(sums + at * block, 0, blocks_in(state, group) * block * sizeof *sums);
    for (size_t y = first; y < end; y++) {
        made = make_rows(state, buffers, group, y, made, buffers->rings, &prefetch);
        for (size_t b = 0; b < blocks_in(state, group); b++) {
            float *to = out + ((at + b) * state->out_h + y) * width;
            run_depthwise(state, buffers, group, b, y, buffers->rings, to);
            if (sums)
                state->depthwise->add_row(state->row.out_w, to, sums + (at + b) * block);
        }
    }
}

/* Rows [first, end) of the projection; `sum` is what is to be added, NULL where that is there already. */
static void run_projection(const struct mbconv_state *state, const struct mbconv_buffers *buffers, size_t first,
                           size_t end, const float *sum, float *out)
{
    size_t block = state->depthwise->block, width = state->row.out_w * block, made = first * state->row.stride;
    size_t out_blocks = blocks_of(state, state->projection.outputs), panel_blocks = state->conv_1x1->panel / block;
    for (size_t y = first; y < end; y++) {
        size_t next = made;
        for (size_t group = 0; group < state->groups; group++) {
            float *ring = buffers->rings + group * state->ring_floats;
            struct conv_1x1_prefetch prefetch = { .pixels = group == 0 };
            next = make_rows(state, buffers, group, y, made, ring, &prefetch);
            for (size_t b = 0; b < blocks_in(state, group); b++)
                run_depthwise(state, buffers, group, b, y, ring,
                              buffers->line + (group * state->group_blocks + b) * width);
        }
        made = next;
        for (size_t b = 0; sum && b < out_blocks; b++)
            memcpy(out + (b * state->out_h + y) * width, sum + (b * state->out_h + y) * width, width * sizeof *out);
        for (size_t p = 0; p * panel_blocks < out_blocks; p++) {
            struct conv_1x1_prefetch none = { 0 };
            run_pointwise(state, &state->projection, state->row.out_w, buffers->line, p, state->projection_weights,
                          state->projection_bias, &none, out + (p * panel_blocks * state->out_h + y) * width);
        }
    }
}

/* The averages from the sums of all parts: (N, parts, C) to (N, C), channels in full blocks. */
static void make_means(const struct mbconv_state *state, const float *sums, float *means)
{
    size_t channels = blocks_of(state, state->channels) * state->depthwise->block;
    float share = 1 / (float)(state->out_h * state->row.out_w);
    for (size_t n = 0; n < state->images; n++, means += channels) {
        memset(means, 0, channels * sizeof *means);
        for (size_t part = 0; part < state->parts; part++, sums += channels)
            for (size_t c = 0; c < channels; c++)
                means[c] += sums[c] * share;
    }
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    const struct mbconv_state *state = op->state;
    size_t images = state->images, parts = state->parts, threads = (size_t)omp_get_max_threads();
    size_t block = state->depthwise->block, channels = blocks_of(state, state->channels) * block;
    size_t in_image = blocks_of(state, (size_t)op_input(plan, op, IN_DATA)->c) * state->h * state->w * block;
    size_t out_image = blocks_of(state, (size_t)op_result(plan, op)->c) * state->out_h * state->row.out_w * block;
    bool projects = state->projection.channels, copies = state->copies_rows && !op->data_shared;
    float *own = behind(op_scratch_forward(plan, op), state->data.bytes), *sums = own + threads * state->own_floats;
    float *out = op_result_data(plan, op);
    const float *in = input_copy_run(&state->data, plan, op, err);
    const float *sum = copies ? op_input_data(plan, op, IN_RESIDUAL) : NULL;
    if (!in || (!state->copies_rows && residual_run(&state->copy_residual, plan, op, err)))
        return -1;
    bool by_image = conv_1x1_by_image(state->conv_1x1, &state->expansion);
    size_t groups = projects ? 1 : state->groups;
#pragma omp parallel for schedule(static)
    for (size_t job = 0; job < images * groups * parts; job++) {
        size_t part = job % parts, rest = job / parts;
        size_t image = by_image ? rest / groups : rest % images, group = by_image ? rest % groups : rest / images;
        size_t first = state->out_h * part / parts, end = state->out_h * (part + 1) / parts;
        const struct mbconv_buffers buffers =
            buffers_of(state, in + image * in_image, own + (size_t)omp_get_thread_num() * state->own_floats);
        if (projects)
            run_projection(state, &buffers, first, end, sum ? sum + image * out_image : NULL, out + image * out_image);
        else
            run_group(state, &buffers, group, first, end, out + image * out_image,
                      op->out[OUT_MEAN] >= 0 ? sums + (image * parts + part) * channels : NULL);
    }
    if (op->out[OUT_MEAN] >= 0)
        make_means(state, sums, value_data(plan, op->out[OUT_MEAN]));
    return 0;
}

const struct op_functions cpu_mbconv = {
    .prepare = prepare,
    .bind = bind,
    .pack = pack,
    .forward = forward,
    .release = primitives_release,
};
