/* The primitives of convolutions. */
#ifndef DCLS_NN_CPU_CONV_H
#define DCLS_NN_CPU_CONV_H

#include "primitive.h"

struct conv_layouts {
    struct layout src, weights, bias, dst;
    bool has_bias;
};

/* The op's pass, without arguments as yet; forward does the sum and the activation behind it too. Forward comes first.
 * The layouts that were any become those that it chose. */
int conv_init(const struct plan *plan, struct op *op, enum op_pass pass, struct conv_layouts *layouts, struct err *err);

#endif
