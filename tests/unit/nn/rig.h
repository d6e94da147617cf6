/* A network with weights and gradients for a test, and how its results are compared. For tests alone: it fails them. */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <math.h>
#include <stdlib.h>

#include "nn/backends.h"
#include "nn/cpu/ops.h"
#include "nn/graph/plan.h"
#include "nn/ops/ops.h"
#include "nn/rng.h"

struct rig {
    struct net *net;
    struct weights *weights;
    float *grad;
};

static inline void rig_fill(float *to, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (float)rng_normal(seed, 77, i);
}

/* Takes the net over; initial weights, with batch norms that are not the identity. */
static inline void rig_init(struct rig *rig, struct net *net, uint64_t seed)
{
    struct err err = ERR_INIT;
    assert_non_null(net);
    assert_false(net->failed);
    rig->net = net;
    rig->weights = weights_new(net, &err);
    rig->grad = calloc(net->trainable_count, sizeof(float));
    assert_non_null(rig->weights);
    assert_non_null(rig->grad);
    weights_init(net, rig->weights, seed);
    for (int k = 0; k < net->param_count; k++) {
        enum param_kind kind = net->params[k].kind;
        if (kind == PARAM_TRACKED || kind < PARAM_NORM_WEIGHT)
            continue;
        bool scale = kind == PARAM_NORM_WEIGHT || kind == PARAM_RUNNING_VAR;
        for (size_t i = 0; i < net->params[k].count; i++)
            weights_at(net, rig->weights, k)[i] =
                (float)((scale ? 1 : 0) + 0.3 * (2 * rng_uniform(seed, (uint64_t)k, i) - 1));
    }
}

static inline void rig_release(struct rig *rig)
{
    free(rig->grad);
    weights_free(rig->weights);
    net_free(rig->net);
}

static inline struct plan *rig_plan(const struct rig *rig, const char *backend, enum plan_mode mode, int batch,
                                    int size, struct arena *arena)
{
    struct err err = ERR_INIT;
    int threads = size < 32 ? 1 : 2; /* of tiny loops two threads would mostly wait for each other */
    struct plan_spec spec = {
        .mode = mode, .batch = batch, .image_size = size, .threads = threads, .backend = backend_find(backend, &err)
    };
    assert_non_null(spec.backend);
    struct plan *plan = plan_new(rig->net, rig->weights, mode == PLAN_EVAL ? NULL : rig->grad, &spec, arena, &err);
    if (!plan)
        fail_msg("%s", err.text);
    return plan;
}

/* Takes the kinks out of a network, so that nothing but rounding is between two backends: where an input of ReLU lies
 * as near to 0 as that goes, or two pixels of a max pool's window as near to each other, they may take different sides,
 * and a gradient is in one and not in the other. SiLU takes ReLU's and ReLU6's place; of the first convolution the sums
 * are exact, of whole numbers (rig_forward_whole) and weights on a grid, so that two pixels are equal in both or far
 * apart, and the shift behind it is where SiLU grows. */
static inline void rig_make_smooth(struct rig *rig)
{
    struct net *net = rig->net;
    bool first_conv = true, first_norm = true;
    for (int i = 0; i < net->layer_count; i++) {
        struct layer *layer = &net->layers[i];
        if (layer->activation == ACTIVATION_RELU || layer->activation == ACTIVATION_RELU6)
            layer->activation = ACTIVATION_SILU;
        float *weight = layer->weight < 0 ? NULL : weights_at(net, rig->weights, layer->weight);
        float *bias = layer->bias < 0 ? NULL : weights_at(net, rig->weights, layer->bias);
        for (size_t k = 0; layer->kind == LAYER_CONV && first_conv && k < net->params[layer->weight].count; k++)
            weight[k] = roundf(weight[k] * 256) / 256;
        for (size_t k = 0; layer->kind == LAYER_BATCH_NORM && first_norm && k < net->params[layer->bias].count; k++)
            bias[k] += 3;
        first_conv &= layer->kind != LAYER_CONV;
        first_norm &= layer->kind != LAYER_BATCH_NORM;
    }
}

static inline size_t rig_input_count(const struct plan *plan)
{
    size_t side = (size_t)plan->spec.image_size;
    return (size_t)plan->spec.batch * (size_t)plan->values[plan->input].c * side * side;
}

static inline void rig_run(struct plan *plan)
{
    struct err err = ERR_INIT;
    if (plan_forward(plan, &err))
        fail_msg("%s", err.text);
}

/* Forward on random images. */
static inline void rig_forward(struct plan *plan, uint64_t seed)
{
    rig_fill(plan_input(plan), rig_input_count(plan), seed);
    rig_run(plan);
}

/* Forward on random images of whole numbers. */
static inline void rig_forward_whole(struct plan *plan, uint64_t seed)
{
    float *images = plan_input(plan);
    rig_fill(images, rig_input_count(plan), seed);
    for (size_t i = 0; i < rig_input_count(plan); i++)
        images[i] = roundf(2 * images[i]);
    rig_run(plan);
}

static inline double rig_loss(struct plan *plan)
{
    int labels[64];
    assert_in_range(plan->spec.batch, 1, 64);
    for (int n = 0; n < plan->spec.batch; n++)
        labels[n] = (3 * n + 1) % plan->net->classes;
    return plan_loss(plan, labels, NULL);
}

static inline double rig_backward(struct plan *plan)
{
    struct err err = ERR_INIT;
    double loss = rig_loss(plan);
    if (plan_backward(plan, &err))
        fail_msg("%s", err.text);
    return loss;
}

static inline double rig_step(struct plan *plan, uint64_t seed)
{
    rig_forward(plan, seed);
    return rig_backward(plan);
}

/* ||a - b|| / ||b||; a NaN when either holds one. */
static inline double distance(const float *a, const float *b, size_t count)
{
    double difference = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += (double)b[i] * b[i];
    }
    return difference == 0 ? 0 : sqrt(difference / norm);
}

/* Every trained parameter's gradient, tensor by tensor. */
static inline void rig_same_gradients(const struct net *net, const float *a, const float *b, double tolerance)
{
    for (int k = 0; k < net->param_count; k++) {
        const struct param *param = &net->params[k];
        if (param->kind >= PARAM_RUNNING_MEAN)
            continue;
        double off = distance(a + param->offset, b + param->offset, param->count);
        if (!(off <= tolerance))
            fail_msg("the gradient of %s is off by %g of its norm", param->name, off);
    }
}

#endif
