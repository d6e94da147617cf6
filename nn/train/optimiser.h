/* SGD with momentum and Adam, as torch.optim does them, over one flat array. */
#ifndef DCLS_NN_OPTIMISER_H
#define DCLS_NN_OPTIMISER_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"

struct optimiser_spec {
    const char *kind;                             /* "adam" (betas 0.9, 0.999, eps 1e-8) | "sgd" */
    double learning_rate, momentum, weight_decay; /* weight decay as L2 added to the gradient */
};

struct optimiser {
    struct optimiser_spec spec;
    size_t offset, count;  /* of the weights that it moves */
    float *first, *second; /* moments; second is NULL for sgd */
    int64_t step;
};

int optimiser_init(struct optimiser *optimiser, const struct optimiser_spec *spec, size_t offset, size_t count,
                   struct err *err);
void optimiser_release(struct optimiser *optimiser);
/* Moves `count` floats of value by those of grad, both from `offset` on. */
void optimiser_step(struct optimiser *optimiser, float *value, const float *grad);

#endif
