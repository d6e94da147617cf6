/* Convolutions with a stride that make few pixels of one image from many channels, in evaluation. Their weights, each
 * used on few pixels, are what they wait for, and oneDNN does not fetch them ahead; the loops of 1x1 convolutions do
 * (nn/cpu/kernels/conv_1x1.h). So the pixels under each place of the window are gathered to planes of their own, and
 * what is left is a 1x1 convolution of as many times the channels. Batch norm is folded into the weights. */
#include <string.h>

#include "conv_1x1.h"
#include "nn/cpu/onednn/layout.h"
#include "ops.h"
#include "sizes.h"

#define TILES_MAX ((size_t)14) /* of the kernel's pixels, in the output; from about there oneDNN is as fast */
#define LARGE ((size_t)16)     /* channels of AVX-512's blocks */

struct im2col_state {
    struct conv_1x1_product product; /* of taps times the channels */
    size_t taps, in_blocks;          /* places of the window; blocks of channels of the input */
};

/* NULL: not for that op. */
static const struct conv_1x1_kernels *kernels_for(const struct plan *plan, const struct op *op)
{
    const struct layer *layer = op_layer(op);
    const struct value *in = op_input(plan, op, IN_DATA);
    size_t pixels = pixels_of(op_result(plan, op));
    if (in->n != 1 || layer->kernel == 1 || layer->stride == 1 || layer->groups != 1)
        return NULL;
    const struct conv_1x1_kernels *kernels = layout_kernels(plan, op->in[IN_DATA])->conv_1x1;
    bool fits = kernels && (size_t)in->c % kernels->block == 0 && pixels >= kernels->pixels / 2 &&
                pixels <= kernels->pixels * TILES_MAX;
    return fits ? kernels : NULL;
}

bool conv_im2col_supports(const struct plan *plan, const struct op *op)
{
    return kernels_for(plan, op);
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct im2col_state *state = op_state_new(op, sizeof *state, err);
    const struct conv_1x1_kernels *kernels = kernels_for(plan, op);
    size_t taps = (size_t)op_layer(op)->kernel * (size_t)op_layer(op)->kernel;
    size_t channels = (size_t)op_input(plan, op, IN_DATA)->c;
    if (!state || conv_1x1_product_init(&state->product, kernels, taps * channels, plan, op, err))
        return -1;
    op_set_implementation(op, kernels->block == LARGE ? "im2col:avx512" : "im2col:avx2");
    state->taps = taps;
    state->in_blocks = channels / kernels->block;
    /* The columns; and while weights are packed, the folded ones. */
    op->scratch_forward = floats_bytes(taps * channels * larger(state->product.pixels, state->product.shape.outputs));
    return 0;
}

/* Folded weights (O, C, taps) to panels (O / panel rounded up, taps, C, panel). */
static int pack(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct im2col_state *state = op->state;
    const struct conv_1x1 *shape = &state->product.shape;
    size_t taps = state->taps, channels = shape->channels / taps, panel = state->product.kernels->panel;
    float *folded = op_scratch_forward(plan, op), *packed = op_packed(plan, op);
    stage_fold(plan, &op->stages[0], folded, packed + conv_1x1_weights_floats(state->product.kernels, shape));
    for (size_t o = 0; o < shape->outputs; o += panel)
        for (size_t tap = 0; tap < taps; tap++)
            for (size_t c = 0; c < channels; c++)
                for (size_t i = 0; i < panel; i++)
                    *packed++ = o + i < shape->outputs ? folded[((o + i) * channels + c) * taps + tap] : 0;
    return 0;
}

static void copy_pixel(float *to, const float *from, size_t block)
{
    if (block == LARGE)
        memcpy(to, from, LARGE * sizeof *to);
    else
        memcpy(to, from, LARGE / 2 * sizeof *to);
}

/* What lies under one place of the window in one block of channels: a plane, 0 where the window hangs over. */
static void gather(const struct plan *plan, const struct op *op, size_t tap, size_t channel_block, float *to)
{
    static const float zeros[LARGE];
    const struct im2col_state *state = op->state;
    const struct layer *layer = op_layer(op);
    const struct value *in = op_input(plan, op, IN_DATA), *out = op_result(plan, op);
    size_t block = state->product.kernels->block;
    const float *from = op_input_data(plan, op, IN_DATA) + channel_block * pixels_of(in) * block;
    int above = (int)tap / layer->kernel - layer->padding, left = (int)tap % layer->kernel - layer->padding;
    for (int y = 0; y < out->h; y++)
        for (int x = 0; x < out->w; x++, to += block) {
            int from_y = y * layer->stride + above, from_x = x * layer->stride + left;
            bool inside = from_y >= 0 && from_y < in->h && from_x >= 0 && from_x < in->w;
            copy_pixel(to, inside ? from + ((size_t)from_y * (size_t)in->w + (size_t)from_x) * block : zeros, block);
        }
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct im2col_state *state = op->state;
    const float *packed = op_packed(plan, op);
    float *columns = op_scratch_forward(plan, op), *out = op_result_data(plan, op);
    size_t in_blocks = state->in_blocks, plane_floats = state->product.shape.in_plane;
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (size_t plane = 0; plane < state->taps * in_blocks; plane++)
            gather(plan, op, plane / in_blocks, plane % in_blocks, columns + plane * plane_floats);
        conv_1x1_product_run(&state->product, packed, columns, NULL, NULL, out);
    }
    return 0;
}

const struct op_functions cpu_conv_im2col = {
    .prepare = prepare,
    .pack = pack,
    .forward = forward,
    .release = op_state_free,
};
