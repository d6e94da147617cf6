/* See depthwise_wgrad.h. */
#include "depthwise_wgrad.h"

#include "nn/cpu/onednn/layout.h"

void depthwise_wgrad_init(struct depthwise_wgrad *gradient, const struct plan *plan, const struct op *op)
{
    const struct layer *layer = op_layer(op);
    const struct value *in = op_input(plan, op, IN_DATA), *out = op_result(plan, op);
    const struct kernels *kernels = layout_kernels(plan, op->in[IN_DATA]);
    *gradient = (struct depthwise_wgrad){ .kernels = NULL };
    if (!layer_is_depthwise(layer) || layer->bias >= 0 || layer->kernel > DEPTHWISE_KERNEL_MAX || !kernels->depthwise ||
        kernels != layout_kernels(plan, op->out[OUT_RESULT]))
        return;
    gradient->kernels = kernels->depthwise;
    gradient->shape = (struct depthwise){ .n = (size_t)in->n,
                                          .groups = ((size_t)in->c + kernels->block - 1) / kernels->block,
                                          .h = (size_t)in->h,
                                          .w = (size_t)in->w,
                                          .out_h = (size_t)out->h,
                                          .out_w = (size_t)out->w,
                                          .kernel = (size_t)layer->kernel,
                                          .stride = (size_t)layer->stride,
                                          .padding = (size_t)layer->padding };
}

void depthwise_wgrad_run(const struct depthwise_wgrad *gradient, int channels, const float *in, const float *dout,
                         float *dweight)
{
    const struct depthwise *shape = &gradient->shape;
    size_t taps = shape->kernel * shape->kernel, block = gradient->kernels->block;
#pragma omp parallel for schedule(static)
    for (size_t group = 0; group < shape->groups; group++) {
        float sums[DEPTHWISE_KERNEL_MAX * DEPTHWISE_KERNEL_MAX * 16];
        gradient->kernels->wgrad(shape, group, in, dout, sums);
        for (size_t i = 0; i < block && group * block + i < (size_t)channels; i++)
            for (size_t k = 0; k < taps; k++)
                dweight[(group * block + i) * taps + k] = sums[k * block + i];
    }
}
