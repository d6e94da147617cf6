/* Copies from one layout to another, of values and of weights. */
#ifndef DCLS_NN_CPU_REORDER_H
#define DCLS_NN_CPU_REORDER_H

#include "primitive.h"

struct reorder {
    struct layout from;
    struct location source;
    struct layout to;
    struct location target;
};

int reorder_init(struct primitive *primitive, const struct plan *plan, struct op *op, const struct reorder *reorder,
                 struct err *err);

#endif
