/* Building the description of a network: layers and parameters are appended as models/ asks for them. */
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "net.h"

struct net *net_new(const char *type, void (*build)(struct net *net, int classes), int classes, struct err *err)
{
    if (classes < 1 || classes > NET_CLASSES_MAX) {
        err_set(err, "a network cannot have %d classes (1 to %d)", classes, NET_CLASSES_MAX);
        return NULL;
    }
    struct net *net = calloc(1, sizeof *net);
    if (net) {
        *net = (struct net){ .type = type, .classes = classes, .last_weight = -1, .last_bias = -1 };
        build(net, classes);
    }
    if (!net || net->failed) {
        net_free(net);
        err_set(err, "out of memory for the network '%s'", type);
        return NULL;
    }
    return net;
}

void net_free(struct net *net)
{
    if (!net)
        return;
    free(net->layers);
    free(net->params);
    free(net);
}

/* Room for one more of `size` bytes behind `count`, which doubles at powers of two; NULL without memory. */
static void *grown(void *array, int count, size_t size)
{
    if (count > INT_MAX / 2)
        return NULL;
    bool full = count >= 16 && (count & (count - 1)) == 0;
    return !array || full ? realloc(array, (count < 16 ? 16 : 2 * (size_t)count) * size) : array;
}

static int layer_add(struct net *net, const struct layer *layer)
{
    struct layer *layers = net->failed ? NULL : grown(net->layers, net->layer_count, sizeof *layers);
    if (!layers) {
        net->failed = true;
        return -1;
    }
    net->layers = layers;
    layers[net->layer_count] = *layer;
    return net->layer_count++;
}

/* "NAME.LEAF". The shape's unused dimensions are 0. */
static int param_add(struct net *net, const char *name, const char *leaf, enum param_kind kind, const int64_t shape[4])
{
    struct param *params = net->failed ? NULL : grown(net->params, net->param_count, sizeof *params);
    if (!params) {
        net->failed = true;
        return -1;
    }
    net->params = params;
    struct param *param = &params[net->param_count];
    *param = (struct param){ .kind = kind, .count = 1 };
    int length = snprintf(param->name, sizeof param->name, "%s.%s", name, leaf);
    assert(length > 0 && (size_t)length < sizeof param->name);
    (void)length;
    for (int i = 0; i < 4 && shape[i]; i++) {
        param->shape[param->rank++] = shape[i];
        param->count *= (size_t)shape[i];
    }
    size_t *total = kind == PARAM_TRACKED                                     ? &net->tracked_count
                    : kind == PARAM_RUNNING_MEAN || kind == PARAM_RUNNING_VAR ? &net->running_stats_count
                                                                              : &net->trainable_count;
    param->offset = *total;
    *total += param->count;
    return net->param_count++;
}

/* A layer that does nothing unless its caller says more. `in` is -1 of the input, and of all once the net has failed,
 * when nothing is added any more. */
static struct layer layer_of(const struct net *net, enum layer_kind kind, int in)
{
    assert(in >= 0 || net->failed || kind == LAYER_INPUT);
    int channels = in >= 0 ? net->layers[in].channels : 0;
    return (struct layer){ .kind = kind,
                           .in = { in, -1 },
                           .inputs = channels,
                           .channels = channels,
                           .kernel = 1,
                           .stride = 1,
                           .groups = 1,
                           .weight = -1,
                           .bias = -1,
                           .mean = -1,
                           .var = -1,
                           .tracked = -1 };
}

int net_input(struct net *net, int channels)
{
    struct layer layer = layer_of(net, LAYER_INPUT, -1);
    layer.channels = channels;
    return layer_add(net, &layer);
}

static int conv_add(struct net *net, int in, const char *name, int channels, int kernel, int stride, int padding,
                    int groups, bool bias)
{
    if (in < 0) /* then the groups may be those of no channels */
        return -1;
    struct layer layer = layer_of(net, LAYER_CONV, in);
    assert(kernel > 0 && stride > 0 && padding >= 0 && groups > 0);
    assert(layer.inputs % groups == 0 && channels % groups == 0);
    layer.channels = channels;
    layer.kernel = kernel;
    layer.stride = stride;
    layer.padding = padding;
    layer.groups = groups;
    layer.weight = param_add(net, name, "weight", PARAM_CONV_WEIGHT,
                             (int64_t[4]){ channels, layer.inputs / groups, kernel, kernel });
    if (bias)
        layer.bias = param_add(net, name, "bias", PARAM_CONV_BIAS, (int64_t[4]){ channels });
    return layer_add(net, &layer);
}

int net_conv(struct net *net, int in, const char *name, int channels, int kernel, int stride, int padding, int groups)
{
    return conv_add(net, in, name, channels, kernel, stride, padding, groups, false);
}

int net_conv_bias(struct net *net, int in, const char *name, int channels, int kernel, int stride, int padding,
                  int groups)
{
    return conv_add(net, in, name, channels, kernel, stride, padding, groups, true);
}

int net_batch_norm(struct net *net, int in, const char *name, float eps, float momentum)
{
    struct layer layer = layer_of(net, LAYER_BATCH_NORM, in);
    const int64_t shape[4] = { layer.channels };
    layer.eps = eps;
    layer.momentum = momentum;
    layer.weight = param_add(net, name, "weight", PARAM_NORM_WEIGHT, shape);
    layer.bias = param_add(net, name, "bias", PARAM_NORM_BIAS, shape);
    layer.mean = param_add(net, name, "running_mean", PARAM_RUNNING_MEAN, shape);
    layer.var = param_add(net, name, "running_var", PARAM_RUNNING_VAR, shape);
    layer.tracked = param_add(net, name, "num_batches_tracked", PARAM_TRACKED, (int64_t[4]){ 0 });
    return layer_add(net, &layer);
}

int net_activation(struct net *net, int in, enum activation activation)
{
    if (activation == ACTIVATION_NONE)
        return in;
    struct layer layer = layer_of(net, LAYER_ACTIVATION, in);
    layer.activation = activation;
    return layer_add(net, &layer);
}

int net_relu(struct net *net, int in)
{
    return net_activation(net, in, ACTIVATION_RELU);
}

int net_max_pool(struct net *net, int in, int kernel, int stride, int padding)
{
    assert(kernel > 0 && stride > 0 && padding >= 0 && 2 * padding <= kernel);
    struct layer layer = layer_of(net, LAYER_MAX_POOL, in);
    layer.kernel = kernel;
    layer.stride = stride;
    layer.padding = padding;
    return layer_add(net, &layer);
}

int net_global_avg_pool(struct net *net, int in)
{
    struct layer layer = layer_of(net, LAYER_GLOBAL_AVG_POOL, in);
    return layer_add(net, &layer);
}

int net_add(struct net *net, int a, int b)
{
    assert(net->failed || net->layers[a].channels == net->layers[b].channels);
    struct layer layer = layer_of(net, LAYER_ADD, a);
    layer.in[1] = b;
    return layer_add(net, &layer);
}

int net_scale(struct net *net, int in, int scale)
{
    assert(net->failed || net->layers[in].channels == net->layers[scale].channels);
    struct layer layer = layer_of(net, LAYER_SCALE, in);
    layer.in[1] = scale;
    return layer_add(net, &layer);
}

static int drop_add(struct net *net, enum layer_kind kind, int in, float drop)
{
    if (drop == 0)
        return in;
    assert(drop > 0 && drop < 1);
    struct layer layer = layer_of(net, kind, in);
    layer.drop = drop;
    layer.drop_index = net->drop_count++;
    return layer_add(net, &layer);
}

int net_dropout(struct net *net, int in, float drop)
{
    return drop_add(net, LAYER_DROPOUT, in, drop);
}

int net_stochastic_depth(struct net *net, int in, float drop)
{
    return drop_add(net, LAYER_STOCHASTIC_DEPTH, in, drop);
}

int net_linear(struct net *net, int in, const char *name, int outputs)
{
    struct layer layer = layer_of(net, LAYER_LINEAR, in);
    layer.channels = outputs;
    layer.weight = param_add(net, name, "weight", PARAM_LINEAR_WEIGHT, (int64_t[4]){ outputs, layer.inputs });
    layer.bias = param_add(net, name, "bias", PARAM_LINEAR_BIAS, (int64_t[4]){ outputs });
    net->last_weight = layer.weight;
    net->last_bias = layer.bias;
    return layer_add(net, &layer);
}

int layer_side(const struct layer *layer, int side)
{
    int past = side + 2 * layer->padding - layer->kernel;
    switch (layer->kind) {
    case LAYER_CONV:
    case LAYER_MAX_POOL: return side && past >= 0 ? past / layer->stride + 1 : 0;
    case LAYER_GLOBAL_AVG_POOL:
    case LAYER_LINEAR: return side ? 1 : 0;
    case LAYER_INPUT:
    case LAYER_BATCH_NORM:
    case LAYER_ACTIVATION:
    case LAYER_ADD:
    case LAYER_SCALE:
    case LAYER_DROPOUT:
    case LAYER_STOCHASTIC_DEPTH: break;
    }
    return side;
}

static int value_side(const struct net *net, int value, int image_size)
{
    const struct layer *layer = &net->layers[value];
    return layer_side(layer, layer->in[0] < 0 ? image_size : value_side(net, layer->in[0], image_size));
}

int net_norm_side(const struct net *net, int image_size)
{
    int least = image_size;
    for (int i = 0; i < net->layer_count; i++) {
        int side = net->layers[i].kind == LAYER_BATCH_NORM ? value_side(net, i, image_size) : least;
        least = side < least ? side : least;
    }
    return least;
}
