/* ResNet-18, -34 and -50: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (2015), table 1, with the
 * names and the order of torchvision's resnet18, resnet34 and resnet50. */
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

typedef int make_block(struct net *net, int in, const char *prefix, int channels, int stride);

/* A block's input is added to its output, projected by a 1x1 convolution where their shapes differ. */
static int add_shortcut(struct net *net, int in, int out, const char *prefix, int channels, int stride)
{
    bool project = stride != 1 || (in >= 0 && net->layers[in].channels != channels);
    int shortcut = project ? conv_norm(net, in, prefix, "downsample.0", "downsample.1", channels, 1, stride) : in;
    return net_relu(net, net_add(net, out, shortcut));
}

/* Two 3x3 convolutions. */
static int basic_block(struct net *net, int in, const char *prefix, int channels, int stride)
{
    int out = net_relu(net, conv_norm(net, in, prefix, "conv1", "bn1", channels, 3, stride));
    out = conv_norm(net, out, prefix, "conv2", "bn2", channels, 3, 1);
    return add_shortcut(net, in, out, prefix, channels, stride);
}

/* A 3x3 convolution between two of 1x1, to few channels and back to four times as many. The 3x3 one strides, as in
 * torchvision's weights ("v1.5"), where the paper's first 1x1 one does. */
static int bottleneck_block(struct net *net, int in, const char *prefix, int channels, int stride)
{
    int out = net_relu(net, conv_norm(net, in, prefix, "conv1", "bn1", channels, 1, 1));
    out = net_relu(net, conv_norm(net, out, prefix, "conv2", "bn2", channels, 3, stride));
    out = conv_norm(net, out, prefix, "conv3", "bn3", 4 * channels, 1, 1);
    return add_shortcut(net, in, out, prefix, 4 * channels, stride);
}

/* How many blocks each stage has; a stage halves the edge, but the first, and doubles the channels. */
static void build(struct net *net, int classes, make_block *block, const int blocks[4])
{
    int value = net_relu(net, conv_norm(net, net_input(net, 3), NULL, "conv1", "bn1", 64, 7, 2));
    value = net_max_pool(net, value, 3, 2, 1);
    for (int stage = 0; stage < 4; stage++)
        for (int i = 0; i < blocks[stage]; i++) {
            char prefix[PARAM_NAME_SIZE];
            snprintf(prefix, sizeof prefix, "layer%d.%d", stage + 1, i);
            value = block(net, value, prefix, 64 << stage, stage > 0 && i == 0 ? 2 : 1);
        }
    value = net_global_avg_pool(net, value);
    net_linear(net, value, "fc", classes);
}

void resnet_build(struct net *net, int classes)
{
    build(net, classes, basic_block, (const int[]){ 2, 2, 2, 2 });
}

void resnet34_build(struct net *net, int classes)
{
    build(net, classes, basic_block, (const int[]){ 3, 4, 6, 3 });
}

void resnet50_build(struct net *net, int classes)
{
    build(net, classes, bottleneck_block, (const int[]){ 3, 4, 6, 3 });
}
