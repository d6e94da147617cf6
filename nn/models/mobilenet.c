/* MobileNetV2: Sandler, Howard, Zhu, Zhmoginov, Chen, "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018),
 * table 2, with the names and the order of torchvision's mobilenet_v2. */
#include <assert.h>
#include <stdio.h>

#include "build.h"
#include "nn/graph/net.h"

#define EPS 1e-5f
#define MOMENTUM 0.1f

/* "PREFIX.NUMBER" is the convolution, "PREFIX.NUMBER+1" its batch norm. */
static int conv_norm(struct net *net, int in, const char *prefix, int number, int channels, int kernel, int stride,
                     int groups)
{
    char name[PARAM_NAME_SIZE];
    snprintf(name, sizeof name, "%s.%d", prefix, number);
    int value = net_conv(net, in, name, channels, kernel, stride, kernel / 2, groups);
    snprintf(name, sizeof name, "%s.%d", prefix, number + 1);
    return net_batch_norm(net, value, name, EPS, MOMENTUM);
}

static int conv_norm_relu6(struct net *net, int in, const char *prefix, int channels, int kernel, int stride,
                           int groups)
{
    return net_activation(net, conv_norm(net, in, prefix, 0, channels, kernel, stride, groups), ACTIVATION_RELU6);
}

/* 1x1 to `expand` times the channels, 3x3 depthwise, 1x1 back to few without an activation. */
static int inverted_residual(struct net *net, int in, int number, int expand, int channels, int stride)
{
    char prefix[PARAM_NAME_SIZE];
    int inputs = in >= 0 ? net->layers[in].channels : 0, hidden = inputs * expand, at = 0, value = in;
    if (expand != 1) {
        snprintf(prefix, sizeof prefix, "features.%d.conv.%d", number, at++);
        value = conv_norm_relu6(net, value, prefix, hidden, 1, 1, 1);
    }
    snprintf(prefix, sizeof prefix, "features.%d.conv.%d", number, at++);
    value = conv_norm_relu6(net, value, prefix, hidden, 3, stride, hidden);
    snprintf(prefix, sizeof prefix, "features.%d.conv", number);
    value = conv_norm(net, value, prefix, at, channels, 1, 1, 1);
    return stride == 1 && inputs == channels ? net_add(net, in, value) : value;
}

void mobilenet_build(struct net *net, int classes)
{
    static const struct {
        int expand, channels, blocks, stride; /* t, c, n, s of the table */
    } stages[] = {
        { 1, 16, 1, 1 }, { 6, 24, 2, 2 },  { 6, 32, 3, 2 },  { 6, 64, 4, 2 },
        { 6, 96, 3, 1 }, { 6, 160, 3, 2 }, { 6, 320, 1, 1 },
    };

    int value = conv_norm_relu6(net, net_input(net, 3), "features.0", 32, 3, 2, 1);
    int number = 1;
    for (size_t stage = 0; stage < sizeof stages / sizeof *stages; stage++)
        for (int block = 0; block < stages[stage].blocks; block++)
            value = inverted_residual(net, value, number++, stages[stage].expand, stages[stage].channels,
                                      block ? 1 : stages[stage].stride);
    assert(number == 18);
    value = conv_norm_relu6(net, value, "features.18", 1280, 1, 1, 1);
    value = net_dropout(net, net_global_avg_pool(net, value), 0.2f);
    net->linear_init = LINEAR_NORMAL;
    net_linear(net, value, "classifier.1", classes);
}
