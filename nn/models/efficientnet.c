/* EfficientNet-B0: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019),
 * table 1, with the names and the order of torchvision's efficientnet_b0. */
#include <assert.h>
#include <stdio.h>

#include "build.h"
#include "nn/graph/net.h"

#define EPS 1e-5f
#define MOMENTUM 0.1f
#define PREFIX_SIZE 40 /* "features.7.0" */
#define DROP 0.2f      /* of the last layer's inputs, and what stochastic depth grows to */

/* "PREFIX.0" is the convolution, "PREFIX.1" its batch norm. */
static int conv_norm(struct net *net, int in, const char *prefix, int channels, int kernel, int stride, int groups,
                     enum activation activation)
{
    char name[PARAM_NAME_SIZE];
    snprintf(name, sizeof name, "%s.0", prefix);
    int value = net_conv(net, in, name, channels, kernel, stride, kernel / 2, groups);
    snprintf(name, sizeof name, "%s.1", prefix);
    return net_activation(net, net_batch_norm(net, value, name, EPS, MOMENTUM), activation);
}

/* Squeeze and excitation (Hu, Shen, Sun 2017): what each plane is on average decides how much of it passes. */
static int squeeze_excite(struct net *net, int in, const char *prefix, int squeezed)
{
    char name[PARAM_NAME_SIZE];
    int channels = in >= 0 ? net->layers[in].channels : 0;
    snprintf(name, sizeof name, "%s.fc1", prefix);
    int value = net_conv_bias(net, net_global_avg_pool(net, in), name, squeezed, 1, 1, 0, 1);
    snprintf(name, sizeof name, "%s.fc2", prefix);
    value = net_conv_bias(net, net_activation(net, value, ACTIVATION_SILU), name, channels, 1, 1, 0, 1);
    return net_scale(net, in, net_activation(net, value, ACTIVATION_SIGMOID));
}

struct stage {
    int expand, kernel, channels, blocks, stride;
};

/* MobileNetV2's inverted residual, with squeeze and excitation behind the depthwise convolution. */
static int mbconv(struct net *net, int in, const char *prefix, const struct stage *stage, int stride, float drop)
{
    char name[2 * PREFIX_SIZE];
    int inputs = in >= 0 ? net->layers[in].channels : 0, hidden = inputs * stage->expand, at = 0, value = in;
    if (stage->expand != 1) {
        snprintf(name, sizeof name, "%s.block.%d", prefix, at++);
        value = conv_norm(net, value, name, hidden, 1, 1, 1, ACTIVATION_SILU);
    }
    snprintf(name, sizeof name, "%s.block.%d", prefix, at++);
    value = conv_norm(net, value, name, hidden, stage->kernel, stride, hidden, ACTIVATION_SILU);
    snprintf(name, sizeof name, "%s.block.%d", prefix, at++);
    value = squeeze_excite(net, value, name, inputs < 4 ? 1 : inputs / 4);
    snprintf(name, sizeof name, "%s.block.%d", prefix, at);
    value = conv_norm(net, value, name, stage->channels, 1, 1, 1, ACTIVATION_NONE);
    if (stride != 1 || inputs != stage->channels)
        return value;
    return net_add(net, net_stochastic_depth(net, value, drop), in);
}

void efficientnet_build(struct net *net, int classes)
{
    static const struct stage stages[] = {
        { 1, 3, 16, 1, 1 },  { 6, 3, 24, 2, 2 },  { 6, 5, 40, 2, 2 },  { 6, 3, 80, 3, 2 },
        { 6, 5, 112, 3, 1 }, { 6, 5, 192, 4, 2 }, { 6, 3, 320, 1, 1 },
    };
    const int blocks = 16; /* in all */

    int value = conv_norm(net, net_input(net, 3), "features.0", 32, 3, 2, 1, ACTIVATION_SILU);
    int done = 0;
    for (int stage = 0; stage < 7; stage++)
        for (int block = 0; block < stages[stage].blocks; block++, done++) {
            char prefix[PREFIX_SIZE];
            snprintf(prefix, sizeof prefix, "features.%d.%d", stage + 1, block);
            value = mbconv(net, value, prefix, &stages[stage], block ? 1 : stages[stage].stride,
                           DROP * (float)done / (float)blocks);
        }
    assert(done == blocks);
    value = conv_norm(net, value, "features.8", 1280, 1, 1, 1, ACTIVATION_SILU);
    value = net_dropout(net, net_global_avg_pool(net, value), DROP);
    net->linear_init = LINEAR_UNIFORM_OUTPUTS;
    net_linear(net, value, "classifier.1", classes);
}
