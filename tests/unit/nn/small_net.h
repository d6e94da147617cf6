/* Weights of a network that is no network, for tests of weight files alone: a few parameters of each kind. */
#ifndef TESTS_SMALL_NET_H
#define TESTS_SMALL_NET_H

#include "nn/graph/net.h"

/* A network of few numbers: one convolution, batch norm, and the last layer. The parameters are laid out by hand, so
 * that this test needs no model. */
static struct param small_params[] = {
    { "conv.weight", PARAM_CONV_WEIGHT, 4, { 2, 3, 1, 1 }, 6, 0 },
    { "bn.running_var", PARAM_RUNNING_VAR, 1, { 2 }, 2, 0 },
    { "bn.num_batches_tracked", PARAM_TRACKED, 0, { 0 }, 1, 0 },
    { "fc.weight", PARAM_LINEAR_WEIGHT, 2, { 3, 2 }, 6, 6 },
    { "fc.bias", PARAM_LINEAR_BIAS, 1, { 3 }, 3, 12 },
};
static struct net small_net = {
    .type = "small",
    .classes = 3,
    .params = small_params,
    .param_count = 5,
    .trainable_count = 15,
    .running_stats_count = 2,
    .tracked_count = 1,
    .last_weight = 3,
    .last_bias = 4,
};

static inline struct weights *small_weights(void)
{
    struct weights *weights = weights_new(&small_net, NULL);
    assert_non_null(weights);
    for (int i = 0; i < 15; i++)
        weights->params[i] = (float)i / 7;
    weights->running_stats[0] = 0.5f;
    weights->running_stats[1] = 2;
    weights->tracked[0] = 70000;
    return weights;
}

#endif
