/* What a plan is compiled for. */
#ifndef DCLS_NN_PLAN_SPEC_H
#define DCLS_NN_PLAN_SPEC_H

#include <stdint.h>

enum plan_mode {
    PLAN_TRAIN,
    PLAN_EVAL,
    PLAN_TRAIN_LAST, /* the last layer alone, and the dropout before it; all below is as in PLAN_EVAL */
};

struct plan_spec {
    enum plan_mode mode;
    int batch, image_size, threads;
    const struct backend *backend;
    double label_smoothing;     /* in the loss, 0 to below 1 */
    const float *class_weights; /* likewise, one a class; NULL: each 1. It must outlive the plan */
    uint64_t seed;              /* of what is dropped at random, a function of it, the step and the place */
};

#endif
