/* See fold.h. */
#include "fold.h"

#include <math.h>

void fold_batch_norm(const struct net *net, const struct weights *weights, const struct layer *conv,
                     const struct layer *norm, float *weight, float *bias)
{
    const struct param *shape = &net->params[conv->weight];
    size_t channels = (size_t)shape->shape[0], each = shape->count / channels;
    const float *from = weights_at(net, weights, conv->weight);
    const float *shift = conv->bias < 0 ? NULL : weights_at(net, weights, conv->bias);
    for (size_t c = 0; c < channels; c++) {
        double scale = 1, offset = shift ? shift[c] : 0;
        if (norm) {
            double variance = weights_at(net, weights, norm->var)[c];
            scale = weights_at(net, weights, norm->weight)[c] / sqrt(variance + norm->eps);
            offset =
                (offset - weights_at(net, weights, norm->mean)[c]) * scale + weights_at(net, weights, norm->bias)[c];
        }
        for (size_t i = 0; i < each; i++)
            weight[c * each + i] = (float)(from[c * each + i] * scale);
        bias[c] = (float)offset;
    }
}
