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

#endif
