/* What our implementations share that end in the loops of 1x1 convolutions. */
#ifndef DCLS_NN_CPU_CONV_1X1_H
#define DCLS_NN_CPU_CONV_1X1_H

#include "nn/cpu/kernels/conv_1x1.h"
#include "nn/graph/op.h"

/* Whether rows of that width are as many pixels as the loops take. */
static inline bool conv_1x1_is_wide(const struct conv_1x1_kernels *kernels, const struct value *value)
{
    return (size_t)value->w >= kernels->pixels / 2;
}

/* Into how many parts each of `jobs` panels of images is split, so that there is work for every thread; a part has at
 * least `least` of the `size` pixels or rows. */
size_t conv_1x1_parts(size_t jobs, size_t size, size_t least);
/* Whether one image after another passes all panels, or one panel after another all images: what is read over and over
 * should be what fits the cache. */
bool conv_1x1_by_image(const struct conv_1x1_kernels *kernels, const struct conv_1x1 *shape);

/* Folded weights times the pixels of planes, as an op's result. A job is a panel of outputs times a part of an image's
 * pixels. Packed lie the weights and, conv_1x1_weights_floats behind, the bias. */
struct conv_1x1_product {
    const struct conv_1x1_kernels *kernels;
    struct conv_1x1 shape;
    size_t images, pixels, parts; /* of an image; what those are split into */
};

/* Of pixels of `channels` channels. Gives the result its layout and sets op->packed. */
int conv_1x1_product_init(struct conv_1x1_product *product, const struct conv_1x1_kernels *kernels, size_t channels,
                          struct plan *plan, struct op *op, struct err *err);
/* A thread's share of the jobs: all of a team call it, and none waits for the others. `factors`: of the channels of all
 * images, or NULL; `own`: room for a panel's weights, one thread's behind another's, for whom there are factors. */
void conv_1x1_product_run(const struct conv_1x1_product *product, const float *packed, const float *in,
                          const float *factors, float *own, float *out);

#endif
