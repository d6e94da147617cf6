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
    struct conv_1x1_product product;
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

int conv_1x1_product_init(struct conv_1x1_product *product, const struct conv_1x1_kernels *kernels, size_t channels,
                          struct plan *plan, struct op *op, struct err *err)
{
    const struct value *out = op_result(plan, op);
    size_t pixels = pixels_of(out);
    struct layout layout;
    assert(kernels);
    if (layout_blocked(&layout, out, (int)kernels->block, err) ||
        layout_to_value(plan, op->out[OUT_RESULT], &layout, err))
        return -1;
    *product = (struct conv_1x1_product){ .kernels = kernels,
                                          .shape = { .channels = channels,
                                                     .outputs = (size_t)out->c,
                                                     .in_plane = pixels * kernels->block,
                                                     .out_plane = pixels * kernels->block,
                                                     .sum = op->in[IN_RESIDUAL] >= 0,
                                                     .activation = op->stages[0].activation },
                                          .images = (size_t)out->n,
                                          .pixels = pixels };
    size_t panels = conv_1x1_panels(kernels, &product->shape);
    product->parts = conv_1x1_parts(product->images * panels, pixels, kernels->pixels);
    op->packed = floats_bytes(conv_1x1_packed_floats(kernels, &product->shape));
    return 0;
}

/* Part `part` of an image's pixels times one panel; `own` is this thread's. */
static void run_job(const struct conv_1x1_product *product, const float *packed, size_t image, size_t panel,
                    size_t part, const float *in, const float *factors, float *own, float *out)
{
    const struct conv_1x1_kernels *kernels = product->kernels;
    const struct conv_1x1 *shape = &product->shape;
    const float *weights = packed + conv_1x1_panel(kernels, shape, panel);
    const float *bias = packed + conv_1x1_weights_floats(kernels, shape) + panel * kernels->panel;
    size_t first = product->pixels * part / product->parts, end = product->pixels * (part + 1) / product->parts;
    size_t in_blocks = (shape->channels + kernels->block - 1) / kernels->block;
    size_t out_blocks = (shape->outputs + kernels->block - 1) / kernels->block;
    in += image * in_blocks * shape->in_plane + first * kernels->block;
    out += (image * out_blocks + panel * (kernels->panel / kernels->block)) * shape->out_plane + first * kernels->block;
    struct conv_1x1_prefetch prefetch = conv_1x1_prefetch(kernels, shape, packed, panel, 1, end - first);
    if (factors) {
        kernels->scale(shape, factors + image * in_blocks * kernels->block, weights, own);
        weights = own;
    }
    kernels->run(shape, end - first, in, panel, weights, bias, &prefetch, out);
}

void conv_1x1_product_run(const struct conv_1x1_product *product, const float *packed, const float *in,
                          const float *factors, float *own, float *out)
{
    const struct conv_1x1_kernels *kernels = product->kernels;
    size_t images = product->images, parts = product->parts, panels = conv_1x1_panels(kernels, &product->shape);
    size_t thread = (size_t)omp_get_thread_num();
    float *panel_of_thread = behind(own, floats_bytes(thread * product->shape.channels * kernels->panel));
    bool by_image = conv_1x1_by_image(kernels, &product->shape);
#pragma omp for schedule(static) nowait
    for (size_t job = 0; job < images * panels * parts; job++) {
        size_t part = job % parts, rest = job / parts;
        size_t image = by_image ? rest / panels : rest % images, panel = by_image ? rest % panels : rest / images;
        run_job(product, packed, image, panel, part, in, factors, panel_of_thread, out);
    }
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
    size_t panel = state->product.shape.channels * state->product.kernels->panel;
    size_t own = floats_bytes((size_t)omp_get_max_threads() * panel);
    op->scratch_forward = larger(op->scratch_forward, state->data.bytes + state->factors.bytes + own);
    return 0;
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct conv_1x1_state *state = op_state_new(op, sizeof *state, err);
    const struct conv_1x1_kernels *kernels = kernels_for(plan, op);
    size_t channels = (size_t)op_input(plan, op, IN_DATA)->c;
    if (!state || conv_1x1_product_init(&state->product, kernels, channels, plan, op, err))
        return -1;
    op_set_implementation(op, kernels->name);
    op->scratch_forward = floats_bytes(channels * state->product.shape.outputs); /* the folded weights */
    if (prepare_factors(plan, op, err))
        return -1;
    return residual_prepare(&state->copy_residual, plan, op, err);
}

static int pack(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct conv_1x1_product *product = &((struct conv_1x1_state *)op->state)->product;
    float *folded = op_scratch_forward(plan, op), *packed = op_packed(plan, op);
    stage_fold(plan, &op->stages[0], folded, packed + conv_1x1_weights_floats(product->kernels, &product->shape));
    product->kernels->pack(&product->shape, folded, packed);
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    const struct conv_1x1_state *state = op->state;
    const float *in = op_input_data(plan, op, IN_DATA), *factors = NULL, *packed = op_packed(plan, op);
    float *own = behind(op_scratch_forward(plan, op), state->data.bytes + state->factors.bytes);
    float *out = op_result_data(plan, op);
    if (residual_run(&state->copy_residual, plan, op, err))
        return -1;
    if (op->in[IN_SCALE] >= 0 && (!(in = input_copy_run(&state->data, plan, op, err)) ||
                                  !(factors = input_copy_run(&state->factors, plan, op, err))))
        return -1;
#pragma omp parallel
    conv_1x1_product_run(&state->product, packed, in, factors, own, out);
    return 0;
}

const struct op_functions cpu_conv_1x1 = {
    .prepare = prepare,
    .bind = primitives_bind,
    .pack = pack,
    .forward = forward,
    .release = primitives_release,
};
