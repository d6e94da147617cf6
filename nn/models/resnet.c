/* ResNet-18: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (2015), table 1, with the names and
 * the order of torchvision's resnet18. */
#include <stdio.h>

#include "build.h"
#include "nn/graph/net.h"

#define EPS 1e-5f
#define MOMENTUM 0.1f

/* Convolution without bias, then batch norm: "PREFIX.CONV" and "PREFIX.NORM" (no prefix: NULL). */
static int conv_norm(struct net *net, int in, const char *prefix, const char *conv, const char *norm, int channels,
                     int kernel, int stride)
{
    char name[PARAM_NAME_SIZE];
    const char *dot = prefix ? "." : "";
    prefix = prefix ? prefix : "";
    snprintf(name, sizeof name, "%s%s%s", prefix, dot, conv);
    int value = net_conv(net, in, name, channels, kernel, stride, kernel / 2, 1);
    snprintf(name, sizeof name, "%s%s%s", prefix, dot, norm);
    return net_batch_norm(net, value, name, EPS, MOMENTUM);
}

/* Two 3x3 convolutions around which the input is added, projected by a 1x1 convolution where its shape differs. */
static int basic_block(struct net *net, int in, const char *prefix, int channels, int stride)
{
    bool project = stride != 1 || (in >= 0 && net->layers[in].channels != channels);
    int value = net_relu(net, conv_norm(net, in, prefix, "conv1", "bn1", channels, 3, stride));
    value = conv_norm(net, value, prefix, "conv2", "bn2", channels, 3, 1);
    int shortcut = project ? conv_norm(net, in, prefix, "downsample.0", "downsample.1", channels, 1, stride) : in;
    return net_relu(net, net_add(net, value, shortcut));
}

void resnet_build(struct net *net, int classes)
{
    static const struct {
        int channels, blocks, stride;
    } stages[] = {
        { 64, 2, 1 },
        { 128, 2, 2 },
        { 256, 2, 2 },
        { 512, 2, 2 },
    };

    int value = net_relu(net, conv_norm(net, net_input(net, 3), NULL, "conv1", "bn1", 64, 7, 2));
    value = net_max_pool(net, value, 3, 2, 1);
    for (int stage = 0; stage < 4; stage++)
        for (int block = 0; block < stages[stage].blocks; block++) {
            char prefix[PARAM_NAME_SIZE];
            snprintf(prefix, sizeof prefix, "layer%d.%d", stage + 1, block);
            value = basic_block(net, value, prefix, stages[stage].channels, block ? 1 : stages[stage].stride);
        }
    value = net_global_avg_pool(net, value);
    net_linear(net, value, "fc", classes);
}
