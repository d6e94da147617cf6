/* A 1x1 convolution and the depthwise one behind it in evaluation, row by row: of what the first makes, six times as much
 * as its input, there are never more rows than the second sees at once, and they do not leave the cache.
 *
 * A job is a panel of channels of one image, or a part of its rows where that gives every thread work. The rows lie in a
 * ring, zeros at both ends for the padding; behind them a row of zeros for what is above and below the image. */
#include "expand.h"

#include <assert.h>
#include <omp.h>

#include "nn/kernels/depthwise.h"
#include "pointwise.h"

#define PART_ROWS 7 /* of outputs, at least: the parts of an image make the rows between them twice */

struct expand_state {
    const struct pointwise_kernels *pointwise;
    const struct depthwise_kernels *depthwise;
    struct pointwise expansion;
    struct depthwise_row row;
    size_t images, h, w, padding, out_h;
    size_t parts; /* that the rows of an image are split into */
    size_t row_floats, ring_floats; /* a row of the ring; the ring and the zeros of one thread */
    float *packed, *expansion_bias; /* (panels, C, panel), (panels, panel) */
    float *taps, *bias;             /* (blocks, K, K, B), (blocks, B) */
    struct primitive block;         /* an input that is not blocked, to scratch; empty otherwise */
    size_t input_bytes;             /* of that scratch, 0 without */
};

bool expand_fits(const struct plan *plan, const struct op *expansion, const struct op *depthwise)
{
    const struct layer *layer = depthwise->layer;
    const struct pointwise_kernels *kernels = pointwise_find((size_t)dnn_of(plan)->block);
    return kernels && depthwise_find(kernels->block) && (layer->kernel == 3 || layer->kernel == 5) &&
           layer->stride <= 2 && expansion->activation != ACTIVATION_SIGMOID && depthwise->in[1] < 0 &&
           (size_t)plan->values[expansion->out].w >= kernels->pixels / 2;
}

static size_t blocks_of(const struct expand_state *state, size_t channels)
{
    return (channels + state->pointwise->block - 1) / state->pointwise->block;
}

static size_t taps_of(const struct expand_state *state)
{
    return state->row.kernel * state->row.kernel;
}

static int prepare_input(struct plan *plan, struct op *op, struct err *err)
{
    struct expand_state *state = op->state;
    const struct value *in = &plan->values[op->in[0]];
    const int64_t dims[] = { in->n, in->c, in->h, in->w };
    struct layout from, wanted;
    if (layout_of_value(plan, op->in[0], &from, err) ||
        layout_blocked(&wanted, dims, (int)state->pointwise->block, err))
        return -1;
    if (layout_equal(&from, &wanted))
        return 0;
    state->input_bytes = DNN_ALIGN(layout_bytes(&wanted));
    return reorder_init(&state->block, dnn_of(plan), &from, &wanted, err);
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct expand_state *state = op->state = calloc(1, sizeof *state);
    const struct value *in = &plan->values[op->in[0]], *out = &plan->values[op->out];
    const struct layer *layer = op->layer;
    const int64_t dims[] = { out->n, out->c, out->h, out->w };
    size_t block = (size_t)dnn_of(plan)->block, threads = (size_t)omp_get_max_threads();
    struct layout to;
    assert(op->in[1] < 0 && op->activation != ACTIVATION_SIGMOID); /* no network has that behind such a convolution */
    if (!state)
        return err_set(err, "out of memory for a plan");
    state->pointwise = pointwise_find(block);
    state->depthwise = depthwise_find(block);
    if (layout_blocked(&to, dims, (int)block, err) || layout_to_value(plan, op->out, &to, err) ||
        prepare_input(plan, op, err))
        return -1;
    state->images = (size_t)in->n;
    state->h = (size_t)in->h;
    state->w = (size_t)in->w;
    state->padding = (size_t)layer->padding;
    state->out_h = (size_t)out->h;
    state->row = (struct depthwise_row){ .kernel = (size_t)layer->kernel,
                                         .stride = (size_t)layer->stride,
                                         .out_w = (size_t)out->w,
                                         .activation = op->activation };
    state->row_floats = (state->w + 2 * state->padding) * block;
    state->expansion = (struct pointwise){ .channels = (size_t)in->c,
                                           .outputs = (size_t)out->c,
                                           .in_plane = state->h * state->w * block,
                                           .out_plane = state->row.kernel * state->row_floats,
                                           .activation = op->expansion.activation };
    size_t panels = pointwise_panels(state->pointwise, &state->expansion), panel = state->pointwise->panel;
    size_t taps = taps_of(state);
    state->ring_floats = panel / block * state->expansion.out_plane + state->row_floats;
    state->parts = pointwise_parts(state->images * panels, state->out_h, PART_ROWS);
    op->packed = (pointwise_weights(state->pointwise, &state->expansion) + panels * panel +
                  blocks_of(state, state->expansion.outputs) * (taps + 1) * block) *
                 sizeof(float);
    /* The rings of all threads and the blocked input; or, when weights are packed, the folded ones. */
    size_t rings = threads * state->ring_floats * sizeof(float) + state->input_bytes;
    size_t folded = (state->expansion.channels > taps ? state->expansion.channels : taps) * state->expansion.outputs *
                    sizeof(float);
    op->scratch_forward = rings > folded ? rings : folded;
    return 0;
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct expand_state *state = op->state;
    state->packed = op_packed(plan, op);
    state->expansion_bias = state->packed + pointwise_weights(state->pointwise, &state->expansion);
    state->taps = state->expansion_bias +
                  pointwise_panels(state->pointwise, &state->expansion) * state->pointwise->panel;
    state->bias = state->taps + blocks_of(state, state->expansion.outputs) * taps_of(state) * state->depthwise->block;
    return primitive_bind(&state->block, DNNL_ARG_FROM, value_data(plan, op->in[0]), err) ||
                   primitive_bind(&state->block, DNNL_ARG_TO, op_scratch_forward(plan, op), err)
               ? -1
               : 0;
}

static int pack(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    struct expand_state *state = op->state;
    size_t taps = taps_of(state), block = state->depthwise->block;
    float *folded = op_scratch_forward(plan, op);
    fold_norm(plan, op->expansion.layer, op->expansion.norm, folded, state->expansion_bias);
    state->pointwise->weights(&state->expansion, folded, state->packed);
    fold_norm(plan, op->layer, op->norm, folded, state->bias);
    for (size_t c = 0; c < state->expansion.outputs; c++)
        for (size_t k = 0; k < taps; k++)
            state->taps[(c / block * taps + k) * block + c % block] = folded[c * taps + k];
    return 0;
}

/* Where in a ring of `size` rows the one `steps` behind `slot` lies; steps is at most size. */
static size_t ring_after(size_t slot, size_t steps, size_t size)
{
    return slot + steps < size ? slot + steps : slot + steps - size;
}

/* Rows [first, end) of the outputs of one panel; `ring` is this thread's, `in` and `out` those of the image. Rows of the
 * image count from its padding, so that none is negative. */
static void run(const struct expand_state *state, const float *in, size_t panel, size_t first, size_t end, float *ring,
                float *out)
{
    const struct pointwise *expansion = &state->expansion;
    size_t block = state->depthwise->block, kernel = state->row.kernel, taps = kernel * kernel;
    size_t panel_blocks = state->pointwise->panel / block, first_block = panel * panel_blocks;
    size_t blocks = blocks_of(state, expansion->outputs) - first_block, bottom = state->padding + state->h;
    size_t top = first * state->row.stride, made = top, slot = 0, made_slot = 0;
    const float *zeros = ring + state->ring_floats - state->row_floats;
    struct pointwise_ahead ahead =
        pointwise_ahead(state->pointwise, expansion, state->packed, panel, end - first, state->w);
    if (blocks > panel_blocks)
        blocks = panel_blocks;
    memset(ring, 0, state->ring_floats * sizeof *ring);
    for (size_t y = first; y < end; y++, top += state->row.stride) {
        for (; made < top + kernel; made++, made_slot = ring_after(made_slot, 1, kernel))
            if (made >= state->padding && made < bottom)
                state->pointwise->run(expansion, state->w, in + (made - state->padding) * state->w * block, panel,
                                      state->packed, state->expansion_bias, &ahead,
                                      ring + made_slot * state->row_floats + state->padding * block);
        for (size_t b = 0; b < blocks; b++) {
            const float *rows[DEPTHWISE_KERNEL_MAX];
            size_t at = first_block + b;
            for (size_t k = 0; k < kernel; k++) {
                bool inside = top + k >= state->padding && top + k < bottom;
                const float *plane = ring + b * expansion->out_plane;
                rows[k] = inside ? plane + ring_after(slot, k, kernel) * state->row_floats : zeros;
            }
            state->depthwise->forward(&state->row, rows, state->taps + at * taps * block, state->bias + at * block,
                                      out + (at * state->out_h + y) * state->row.out_w * block);
        }
        slot = ring_after(slot, state->row.stride, kernel);
    }
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    const struct expand_state *state = op->state;
    size_t images = state->images, parts = state->parts, panels = pointwise_panels(state->pointwise, &state->expansion);
    size_t in_image = blocks_of(state, state->expansion.channels) * state->expansion.in_plane;
    size_t out_image = blocks_of(state, state->expansion.outputs) * state->out_h * state->row.out_w * state->depthwise->block;
    float *scratch = op_scratch_forward(plan, op), *out = value_data(plan, op->out);
    const float *in = state->input_bytes ? scratch : value_data(plan, op->in[0]);
    float *rings = behind(scratch, state->input_bytes);
    if (primitive_run(&state->block, dnn_of(plan), err))
        return -1;
    bool by_image = pointwise_by_image(state->pointwise, &state->expansion);
#pragma omp parallel for schedule(static)
    for (size_t job = 0; job < images * panels * parts; job++) {
        size_t part = job % parts, rest = job / parts;
        size_t image = by_image ? rest / panels : rest % images, panel = by_image ? rest % panels : rest / images;
        run(state, in + image * in_image, panel, state->out_h * part / parts, state->out_h * (part + 1) / parts,
            rings + (size_t)omp_get_thread_num() * state->ring_floats, out + image * out_image);
    }
    return 0;
}

static const char *implementation(const struct op *op, enum op_pass pass)
{
    (void)pass;
    return ((const struct expand_state *)op->state)->pointwise->block == 16 ? "expand:avx512" : "expand:avx2";
}

static void release(struct op *op)
{
    struct expand_state *state = op->state;
    if (!state)
        return;
    primitive_release(&state->block);
    free(state);
    op->state = NULL;
}

const struct op_functions onednn_expand = {
    .prepare = prepare,
    .bind = bind,
    .pack = pack,
    .forward = forward,
    .release = release,
    .implementation = implementation,
};
