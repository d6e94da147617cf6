/* See depthwise_wgrad.h. */
#include "depthwise_wgrad.h"

void depthwise_wgrad_init(struct depthwise_wgrad *gradient, const struct plan *plan, const struct op *op,
                          const struct layout *in, const struct layout *out)
{
    const struct layer *layer = op_layer(op);
    const struct value *from = op_input(plan, op, IN_DATA), *to = op_result(plan, op);
    struct strips strips, other;
    struct err none = ERR_INIT;
    *gradient = (struct depthwise_wgrad){ .kernels = NULL };
    if (!layer_is_depthwise(layer) || layer->bias >= 0 || layout_strips(in, from, &strips, &none) ||
        layout_strips(out, to, &other, &none) || !strips.blocking || strips.blocking != other.blocking)
        return;
    gradient->shape = (struct depthwise){ .n = (size_t)from->n,
                                          .groups = strips.outer / (size_t)from->n,
                                          .h = (size_t)from->h,
                                          .w = (size_t)from->w,
                                          .out_h = (size_t)to->h,
                                          .out_w = (size_t)to->w,
                                          .kernel = (size_t)layer->kernel,
                                          .stride = (size_t)layer->stride,
                                          .padding = (size_t)layer->padding };
    if (layer->kernel <= DEPTHWISE_KERNEL_MAX)
        gradient->kernels = kernels_for_block(strips.block)->depthwise;
}

void depthwise_wgrad_run(const struct depthwise_wgrad *gradient, int channels, const float *in, const float *dout,
                         float *dweight)
{
    const struct depthwise *shape = &gradient->shape;
    size_t taps = shape->kernel * shape->kernel, block = gradient->kernels->block;
#pragma omp parallel for schedule(static)
    for (size_t group = 0; group < shape->groups; group++) {
        float sums[DEPTHWISE_KERNEL_MAX * DEPTHWISE_KERNEL_MAX * 16];
        gradient->kernels->weights(shape, group, in, dout, sums);
        for (size_t i = 0; i < block && group * block + i < (size_t)channels; i++)
            for (size_t k = 0; k < taps; k++)
                dweight[(group * block + i) * taps + k] = sums[k * block + i];
    }
}
