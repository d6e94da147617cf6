/* 1x1 convolutions of stride 1 in evaluation, by our own loops (nn/cpu/kernels/conv_1x1.h), which fetch ahead what
 * oneDNN's wait for: the weights of late layers, each used on few pixels, and the planes of early ones. Batch norm is
 * folded into the weights; the sum and the activation are done as the output is written. Factors of the input, squeeze
 * and excitation's, go into a copy of an image's weights: there are fewer of those than of pixels. */
#include "conv_1x1.h"

#include <assert.h>
#include <omp.h>

#include "input_copy.h"
#include "nn/cpu/onednn/engine.h"
#include "ops.h"
#include "residual.h"
#include "sizes.h"

#define WEIGHTS_CACHED ((size_t)512 << 10) /* bytes that stay in the L2 cache while an image passes */
#define JOBS_OF_THREAD 4

struct conv_1x1_state {
    struct primitives primitives;
    struct primitive copy_residual;
    struct input_copy data, factors; /* blocked, where there are factors; else the data is */
    const struct conv_1x1_kernels *kernels;
    struct conv_1x1 shape;
    size_t images, pixels;
    size_t parts; /* that an image's pixels are split into */
    float *packed, *bias;
};

/* NULL: no loops for that op. */
static const struct conv_1x1_kernels *kernels_for(const struct plan *plan, const struct op *op)
{
    const struct value *in = op_input(plan, op, IN_DATA);
    bool scales = op->in[IN_SCALE] >= 0;
    if (!layer_is_pointwise(op_layer(op)))
        return NULL;
    /* What is scaled is for these loops alone, in any layout; few pixels are not worth the scaled weights. */
    const struct kernels *all = scales ? engine_of(plan)->kernels : layout_kernels(plan, op->in[IN_DATA]);
    const struct conv_1x1_kernels *kernels = all->conv_1x1;
    return kernels && (scales ? conv_1x1_is_wide(kernels, in) : pixels_of(in) >= kernels->pixels / 2) ? kernels : NULL;
}

bool conv_1x1_supports(const struct plan *plan, const struct op *op)
{
    return kernels_for(plan, op);
}

size_t conv_1x1_parts(size_t jobs, size_t size, size_t least)
{
    size_t threads = (size_t)omp_get_max_threads(), parts = 1;
    while (threads > 1 && jobs * parts < JOBS_OF_THREAD * threads && size / (parts + 1) >= least)
        parts++;
    return parts;
}

bool conv_1x1_by_image(const struct conv_1x1_kernels *kernels, const struct conv_1x1 *shape)
{
    return floats_bytes(conv_1x1_weights_floats(kernels, shape)) <= WEIGHTS_CACHED;
}

static int prepare_factors(struct plan *plan, struct op *op, struct err *err)
{
    struct conv_1x1_state *state = op->state;
    if (op->in[IN_SCALE] < 0)
        return 0;
    if (input_copy_blocked(&state->data, plan, op, IN_DATA, AT_OFFSET(REGION_FORWARD, 0), err) ||
        input_copy_blocked(&state->factors, plan, op, IN_SCALE, AT_OFFSET(REGION_FORWARD, state->data.bytes), err))
        return -1;
    /* And for each thread a panel's weights. */
    size_t own = floats_bytes((size_t)omp_get_max_threads() * state->shape.channels * state->kernels->panel);
    op->scratch_forward = larger(op->scratch_forward, state->data.bytes + state->factors.bytes + own);
    return 0;
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct conv_1x1_state *state = op_state_new(op, sizeof *state, err);
    const struct value *in = op_input(plan, op, IN_DATA), *out = op_result(plan, op);
    struct layout to;
    if (!state)
        return -1;
    const struct conv_1x1_kernels *kernels = state->kernels = kernels_for(plan, op);
    assert(kernels);
    op_set_implementation(op, kernels->name);
    if (layout_blocked(&to, out, (int)kernels->block, err) || layout_to_value(plan, op->out[OUT_RESULT], &to, err))
        return -1;
    state->images = (size_t)in->n;
    state->pixels = pixels_of(in);
    state->shape = (struct conv_1x1){ .channels = (size_t)in->c,
                                      .outputs = (size_t)out->c,
                                      .in_plane = state->pixels * kernels->block,
                                      .out_plane = state->pixels * kernels->block,
                                      .sum = op->in[IN_RESIDUAL] >= 0,
                                      .activation = op->stages[0].activation };
    size_t panels = conv_1x1_panels(kernels, &state->shape);
    state->parts = conv_1x1_parts(state->images * panels, state->pixels, kernels->pixels);
    op->packed = floats_bytes(conv_1x1_packed_floats(kernels, &state->shape));
    op->scratch_forward = floats_bytes(state->shape.channels * state->shape.outputs); /* the folded weights */
    if (prepare_factors(plan, op, err))
        return -1;
    return residual_prepare(&state->copy_residual, plan, op, err);
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct conv_1x1_state *state = op->state;
    state->packed = op_packed(plan, op);
    state->bias = state->packed + conv_1x1_weights_floats(state->kernels, &state->shape);
    return primitives_bind(plan, op, err);
}

static int pack(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    struct conv_1x1_state *state = op->state;
    float *folded = op_scratch_forward(plan, op);
    stage_fold(plan, &op->stages[0], folded, state->bias);
    state->kernels->pack(&state->shape, folded, state->packed);
    return 0;
}

/* Part `part` of an image's pixels times one panel. `factors`: all images', or NULL; `own`: this thread's. */
static void run(const struct conv_1x1_state *state, const float *in, float *out, size_t image, size_t panel,
                size_t part, const float *factors, float *own)
{
    const struct conv_1x1_kernels *kernels = state->kernels;
    const struct conv_1x1 *shape = &state->shape;
    const float *packed = state->packed + conv_1x1_panel(kernels, shape, panel);
    size_t first = state->pixels * part / state->parts, end = state->pixels * (part + 1) / state->parts;
    size_t in_blocks = (shape->channels + kernels->block - 1) / kernels->block;
    size_t out_blocks = (shape->outputs + kernels->block - 1) / kernels->block;
    in += image * in_blocks * shape->in_plane + first * kernels->block;
    out += (image * out_blocks + panel * (kernels->panel / kernels->block)) * shape->out_plane + first * kernels->block;
    struct conv_1x1_prefetch prefetch = conv_1x1_prefetch(kernels, shape, state->packed, panel, 1, end - first);
    if (factors) {
        kernels->scale(shape, factors + image * in_blocks * kernels->block, packed, own);
        packed = own;
    }
    kernels->run(shape, end - first, in, panel, packed, state->bias + panel * kernels->panel, &prefetch, out);
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    const struct conv_1x1_state *state = op->state;
    const float *in = op_input_data(plan, op, IN_DATA), *factors = NULL;
    float *out = op_result_data(plan, op);
    size_t images = state->images, parts = state->parts, panels = conv_1x1_panels(state->kernels, &state->shape);
    float *own = behind(op_scratch_forward(plan, op), state->data.bytes + state->factors.bytes);
    if (residual_run(&state->copy_residual, plan, op, err))
        return -1;
    if (op->in[IN_SCALE] >= 0 && (!(in = input_copy_run(&state->data, plan, op, err)) ||
                                  !(factors = input_copy_run(&state->factors, plan, op, err))))
        return -1;
    bool by_image = conv_1x1_by_image(state->kernels, &state->shape);
#pragma omp parallel for schedule(static)
    for (size_t job = 0; job < images * panels * parts; job++) {
        size_t part = job % parts, rest = job / parts;
        size_t image = by_image ? rest / panels : rest % images, panel = by_image ? rest % panels : rest / images;
        run(state, in, out, image, panel, part, factors,
            own + (size_t)omp_get_thread_num() * state->shape.channels * state->kernels->panel);
    }
    return 0;
}

const struct op_functions cpu_conv_1x1 = {
    .prepare = prepare,
    .bind = bind,
    .pack = pack,
    .forward = forward,
    .release = primitives_release,
};
