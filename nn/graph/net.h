/* A network described once: its layers in the order they run and its parameters with torchvision's names.
 *
 * models/ builds it with the net_… functions, each of which returns the index of the value it made (-1 after a
 * failure, which every later call passes on and net_new reports). The description holds no floats: those are in struct
 * weights, in the order of net->params, whatever backend runs. */
#ifndef DCLS_NN_NET_H
#define DCLS_NN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"

enum layer_kind {
    LAYER_INPUT, /* (N, 3, H, W) */
    LAYER_CONV,
    LAYER_BATCH_NORM,
    LAYER_ACTIVATION,
    LAYER_MAX_POOL,
    LAYER_GLOBAL_AVG_POOL, /* (N, C, H, W) -> (N, C, 1, 1) */
    LAYER_ADD,
    LAYER_SCALE,            /* (N, C, H, W) times (N, C, 1, 1) */
    LAYER_DROPOUT,          /* (N, C, 1, 1); training: each number is 0 with probability drop, else over 1 - drop */
    LAYER_STOCHASTIC_DEPTH, /* stochastic depth: likewise, but each image as a whole */
    LAYER_LINEAR,           /* (N, C, 1, 1) -> (N, O, 1, 1) */
};

enum activation {
    ACTIVATION_NONE,
    ACTIVATION_RELU,    /* max(0, x) */
    ACTIVATION_RELU6,   /* min(max(0, x), 6) */
    ACTIVATION_SILU,    /* x / (1 + exp(-x)) */
    ACTIVATION_SIGMOID, /* 1 / (1 + exp(-x)) */
    ACTIVATIONS,
};

struct layer {
    enum layer_kind kind;
    int in[2];            /* values it reads; -1: none. Layer i makes value i. */
    int inputs, channels; /* of what in[0] is and of what it makes */
    int kernel, stride, padding, groups;
    enum activation activation;
    float drop;             /* probability */
    int drop_index;         /* the how manyth that drops, from 0 */
    int weight, bias;       /* indices into params; -1: none. Of batch norm: gamma and beta */
    int mean, var, tracked; /* batch norm: indices of the running statistics */
    float eps, momentum;    /* batch norm */
};

/* A convolution each of whose outputs sees one input, and no two the same. */
static inline bool layer_is_depthwise(const struct layer *layer)
{
    return layer->groups > 1 && layer->groups == layer->inputs && layer->groups == layer->channels;
}

/* A convolution that sees one pixel at a time: a product of matrices. */
static inline bool layer_is_pointwise(const struct layer *layer)
{
    return layer->kernel == 1 && layer->stride == 1 && layer->padding == 0 && layer->groups == 1;
}

enum param_kind {
    PARAM_CONV_WEIGHT,   /* (O, I/groups, KH, KW), Kaiming normal, fan out */
    PARAM_CONV_BIAS,     /* (O), 0 */
    PARAM_LINEAR_WEIGHT, /* (O, I), by net->linear_init */
    PARAM_LINEAR_BIAS,   /* (O), by net->linear_init */
    PARAM_NORM_WEIGHT,   /* (C), 1 */
    PARAM_NORM_BIAS,     /* (C), 0 */
    PARAM_RUNNING_MEAN,  /* (C), 0; not trained */
    PARAM_RUNNING_VAR,   /* (C), 1; not trained */
    PARAM_TRACKED,       /* num_batches_tracked, an int64 scalar, 0; not trained */
};

/* How a linear layer starts from scratch. */
enum linear_init {
    LINEAR_UNIFORM_INPUTS,  /* weight and bias uniform +-1/sqrt(I): PyTorch's own */
    LINEAR_NORMAL,          /* weight normal of deviation 0.01, bias 0 */
    LINEAR_UNIFORM_OUTPUTS, /* weight uniform +-1/sqrt(O), bias 0 */
};

#define PARAM_NAME_SIZE 96

struct param {
    char name[PARAM_NAME_SIZE]; /* "layer1.0.conv1.weight" */
    enum param_kind kind;
    int rank;
    int64_t shape[4];
    size_t count;  /* product of shape, 1 for a scalar */
    size_t offset; /* into weights->params, ->running_stats or ->tracked, by kind */
};

struct net {
    const char *type; /* "resnet" */
    int classes;
    struct layer *layers;
    int layer_count;
    struct param *params; /* in the order of torchvision's state_dict */
    int param_count;
    size_t trainable_count, running_stats_count, tracked_count;
    int drop_count; /* layers that drop */
    enum linear_init linear_init;
    int last_weight, last_bias; /* params of the last layer, replaced when the number of classes differs */
    bool failed;
};

#define NET_CLASSES_MAX 10000

/* A description that `build` fills in; `type` is not copied. A number of classes that cannot be: NULL with err. */
struct net *net_new(const char *type, void (*build)(struct net *net, int classes), int classes, struct err *err);
void net_free(struct net *net);

/* Building, for models/. `name` is torchvision's module path ("layer1.0.conv1"). */
int net_input(struct net *net, int channels);
int net_conv(struct net *net, int in, const char *name, int channels, int kernel, int stride, int padding, int groups);
int net_conv_bias(struct net *net, int in, const char *name, int channels, int kernel, int stride, int padding,
                  int groups);
int net_batch_norm(struct net *net, int in, const char *name, float eps, float momentum);
int net_activation(struct net *net, int in, enum activation activation); /* ACTIVATION_NONE: `in` itself */
int net_relu(struct net *net, int in);
int net_max_pool(struct net *net, int in, int kernel, int stride, int padding);
int net_global_avg_pool(struct net *net, int in);
int net_add(struct net *net, int a, int b);
int net_scale(struct net *net, int in, int scale);
int net_dropout(struct net *net, int in, float drop);
int net_stochastic_depth(struct net *net, int in, float drop); /* drop 0: `in` itself */
int net_linear(struct net *net, int in, const char *name, int outputs);

/* The side of what a layer makes of squares of `side`; 0: they are too small for it. */
int layer_side(const struct layer *layer, int side);
/* The least side that a batch norm sees of images of `image_size`; 0: they are too small for the network. */
int net_norm_side(const struct net *net, int image_size);

/* The floats. params, grad: every parameter that is trained, one flat allocation each, canonical layout (shapes as
 * in struct param); running_stats: running means and variances; tracked: counters. 64-byte aligned. */
struct weights {
    float *params, *running_stats;
    int64_t *tracked;
    size_t bytes; /* of all, one block from `params` on */
};
struct weights *weights_new(const struct net *net, struct err *err); /* zeros */
void weights_free(struct weights *weights);
/* torchvision's initialisation of a network from scratch, a function of (seed, parameter, index). */
void weights_init(const struct net *net, struct weights *weights, uint64_t seed);
/* The last layer alone, as a new torch.nn.Linear in its place: both uniform, up to 1 over the root of its inputs. */
void weights_init_last(const struct net *net, struct weights *weights, uint64_t seed);
void weights_copy(const struct net *net, struct weights *to, const struct weights *from);
/* An error that names the first parameter that has a value which is not finite. */
int weights_check_finite(const struct net *net, const struct weights *weights, struct err *err);
/* Where param i's floats start (floats; NULL for PARAM_TRACKED). */
float *weights_at(const struct net *net, const struct weights *weights, int param);
/* A conv's weight (O, I/groups, KH, KW) and bias (O) with the norm's running statistics folded in; norm NULL: the
 * conv's own weight and bias (0 if it has none). */
void weights_fold(const struct net *net, const struct weights *weights, const struct layer *conv,
                  const struct layer *norm, float *weight, float *bias);
size_t param_bytes(const struct param *param);

/* A gradient, flat like weights->params; zeros. */
float *grad_new(const struct net *net, struct err *err);
void grad_free(const struct net *net, float *grad);

#endif
