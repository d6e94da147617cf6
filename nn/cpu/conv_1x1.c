/* 1x1 convolutions of stride 1 in evaluation, by our own loops (nn/cpu/kernels/conv_1x1.h), which fetch ahead what
 * oneDNN's wait for: the weights of late layers, each used on few pixels, and the planes of early ones. Batch norm is
 * folded into the weights; the sum and the activation are done as the output is written. Factors of the input, squeeze
 * and excitation's, go into a copy of an image's weights: there are fewer of those than of pixels. */
#include "conv_1x1.h"

#include <omp.h>
#include <stdlib.h>

#include "mbconv.h"
#include "nn/graph/fold.h"
#include "residual.h"

#define WEIGHTS_CACHED ((size_t)512 << 10) /* bytes that stay in the L2 cache while an image passes */
#define JOBS_OF_THREAD 4

struct conv_1x1_state {
    const struct conv_1x1_kernels *kernels;
    struct conv_1x1 shape;
    size_t images, pixels;
    size_t parts; /* that an image's pixels are split into */
    float *packed, *bias;
    struct primitive copy_residual;
    struct primitive block_factors; /* to scratch, where they are not blocked; empty otherwise */
    size_t factor_bytes;            /* of that */
};

static const struct conv_1x1_kernels *kernels_for(const struct plan *plan, const struct op *op, const struct layout *in)
{
    const struct layer *layer = op->layer;
    const struct value *from = &plan->values[op->in[0]];
    struct strips strips;
    struct err none = ERR_INIT;
    if (op->trains || layer->kernel != 1 || layer->stride != 1 || layer->padding != 0 || layer->groups != 1 ||
        op->activation == ACTIVATION_SIGMOID || layout_strips(in, from, &strips, &none) || !strips.blocking)
        return NULL;
    const struct conv_1x1_kernels *kernels = kernels_for_block(strips.block)->conv_1x1;
    return kernels && pixels_of(from) >= kernels->pixels / 2 ? kernels : NULL;
}

bool conv_1x1_fits(const struct plan *plan, const struct op *op, const struct layout *in)
{
    return kernels_for(plan, op, in);
}

bool conv_1x1_scales(const struct plan *plan, const struct op *loader_worker, const struct op *conv)
{
    const struct conv_1x1_kernels *kernels = onednn_of(plan)->kernels->conv_1x1;
    return kernels && pixels_of(&plan->values[conv->out]) >= kernels->pixels / 2 && mbconv_fits(plan, loader_worker);
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
    return conv_1x1_weights(kernels, shape) * sizeof(float) <= WEIGHTS_CACHED;
}

static int prepare_factors(struct plan *plan, struct op *op, struct err *err)
{
    struct conv_1x1_state *state = op->state;
    const struct value *in = &plan->values[op->in[0]];
    const int64_t dims[] = { in->n, in->c, 1, 1 };
    struct layout from, wanted;
    if (op->in[2] < 0)
        return 0;
    if (layout_of_value(plan, op->in[2], &from, err) || layout_blocked(&wanted, dims, (int)state->kernels->block, err))
        return -1;
    if (!layout_equal(&from, &wanted)) {
        state->factor_bytes = ALIGN_64(layout_bytes(&wanted));
        if (reorder_init(&state->block_factors, onednn_of(plan), &from, &wanted, err))
            return -1;
    }
    /* And for each thread a panel's weights. */
    size_t running = state->factor_bytes +
                     (size_t)omp_get_max_threads() * state->shape.channels * state->kernels->panel * sizeof(float);
    op->scratch_forward = running > op->scratch_forward ? running : op->scratch_forward;
    return 0;
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct conv_1x1_state *state = op->state = calloc(1, sizeof *state);
    const struct value *in = &plan->values[op->in[0]], *out = &plan->values[op->out];
    const int64_t dims[] = { out->n, out->c, out->h, out->w };
    struct layout from, to;
    if (!state)
        return err_set(err, "out of memory for a plan");
    if (layout_of_value(plan, op->in[0], &from, err) || layout_alike(&to, &from, in, dims, err) ||
        layout_to_value(plan, op->out, &to, err))
        return -1;
    const struct conv_1x1_kernels *kernels = state->kernels = kernels_for(plan, op, &from);
    state->images = (size_t)in->n;
    state->pixels = pixels_of(in);
    state->shape = (struct conv_1x1){ .channels = (size_t)in->c,
                                      .outputs = (size_t)out->c,
                                      .in_plane = state->pixels * kernels->block,
                                      .out_plane = state->pixels * kernels->block,
                                      .sum = op->in[1] >= 0,
                                      .activation = op->activation };
    size_t panels = conv_1x1_panels(kernels, &state->shape);
    state->parts = conv_1x1_parts(state->images * panels, state->pixels, kernels->pixels);
    op->packed = (conv_1x1_weights(kernels, &state->shape) + panels * kernels->panel) * sizeof(float);
    op->scratch_forward = state->shape.channels * state->shape.outputs * sizeof(float); /* the folded weights */
    return prepare_factors(plan, op, err) || residual_prepare(plan, op, &to, &state->copy_residual, err) ? -1 : 0;
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct conv_1x1_state *state = op->state;
    state->packed = op_packed(plan, op);
    state->bias = state->packed + conv_1x1_weights(state->kernels, &state->shape);
    if (op->in[2] >= 0 && (primitive_bind(&state->block_factors, DNNL_ARG_FROM, value_data(plan, op->in[2]), err) ||
                           primitive_bind(&state->block_factors, DNNL_ARG_TO, op_scratch_forward(plan, op), err)))
        return -1;
    return residual_bind(plan, op, &state->copy_residual, err);
}

static int pack(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    struct conv_1x1_state *state = op->state;
    float *folded = op_scratch_forward(plan, op);
    fold_batch_norm(plan->net, plan->weights, op->layer, op->batch_norm, folded, state->bias);
    state->kernels->weights(&state->shape, folded, state->packed);
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
    const float *in = value_data(plan, op->in[0]);
    float *out = value_data(plan, op->out);
    size_t images = state->images, parts = state->parts, panels = conv_1x1_panels(state->kernels, &state->shape);
    const float *factors = op->in[2] < 0 ? NULL : value_data(plan, op->in[2]);
    float *own = behind(op_scratch_forward(plan, op), state->factor_bytes);
    if (state->factor_bytes)
        factors = op_scratch_forward(plan, op);
    if (residual_run(plan, op, &state->copy_residual, err) ||
        primitive_run(&state->block_factors, onednn_of(plan), err))
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

static const char *implementation(const struct op *op, enum op_pass pass)
{
    (void)pass;
    return ((const struct conv_1x1_state *)op->state)->kernels->name;
}

static void release(struct op *op)
{
    struct conv_1x1_state *state = op->state;
    if (!state)
        return;
    primitive_release(&state->copy_residual);
    primitive_release(&state->block_factors);
    free(state);
    op->state = NULL;
}

const struct op_functions onednn_conv_1x1 = {
    .prepare = prepare,
    .bind = bind,
    .pack = pack,
    .forward = forward,
    .release = release,
    .implementation = implementation,
};
