/* The primitives of fully connected layers. */
#ifndef DCLS_NN_CPU_LINEAR_H
#define DCLS_NN_CPU_LINEAR_H

#include "primitive.h"

struct linear_layouts {
    struct layout src, weights, bias, dst; /* of two dimensions, the bias of one */
};

/* The op's pass, without arguments as yet. */
int linear_init(const struct plan *plan, struct op *op, enum op_pass pass, const struct linear_layouts *layouts,
                struct err *err);

#endif
