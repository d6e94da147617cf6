/* The floats of a network: three flat arrays, and how a training from scratch fills them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "huge_pages.h"
#include "net.h"
#include "value_type.h"
#include "nn/finite.h"
#include "nn/rng.h"

/* One allocation for all three, whose pages are zero without being touched: a model that is being loaded has them in
 * memory only once the file's have gone. */
struct weights *weights_new(const struct net *net, struct err *err)
{
    size_t params = arena_align(floats_bytes(net->trainable_count));
    size_t stats = arena_align(floats_bytes(net->running_stats_count));
    size_t bytes = params + stats + arena_align(net->tracked_count * sizeof(int64_t));
    struct weights *weights = calloc(1, sizeof *weights);
    char *memory = huge_pages_alloc(bytes);
    if (!weights || !memory) {
        huge_pages_free(memory, bytes);
        free(weights);
        err_set(err, "out of memory for %zu weights", net->trainable_count + net->running_stats_count);
        return NULL;
    }
    *weights = (struct weights){ .params = (void *)memory,
                                 .running_stats = (void *)(memory + params),
                                 .tracked = (void *)(memory + params + stats),
                                 .bytes = bytes };
    return weights;
}

void weights_free(struct weights *weights)
{
    if (!weights)
        return;
    huge_pages_free(weights->params, weights->bytes);
    free(weights);
}

float *grad_new(const struct net *net, struct err *err)
{
    float *grad = huge_pages_alloc(floats_bytes(net->trainable_count));
    if (!grad)
        err_set(err, "out of memory for the gradient of %zu weights", net->trainable_count);
    return grad;
}

void grad_free(const struct net *net, float *grad)
{
    if (grad)
        huge_pages_free(grad, floats_bytes(net->trainable_count));
}

size_t param_bytes(const struct param *param)
{
    return param->kind == PARAM_TRACKED ? param->count * sizeof(int64_t) : floats_bytes(param->count);
}

void weights_copy(const struct net *net, struct weights *to, const struct weights *from)
{
    memcpy(to->params, from->params, net->trainable_count * sizeof *to->params);
    memcpy(to->running_stats, from->running_stats, net->running_stats_count * sizeof *to->running_stats);
    memcpy(to->tracked, from->tracked, net->tracked_count * sizeof *to->tracked);
}

float *weights_at(const struct net *net, const struct weights *weights, int param)
{
    switch (net->params[param].kind) {
    case PARAM_TRACKED: return NULL;
    case PARAM_RUNNING_MEAN:
    case PARAM_RUNNING_VAR: return weights->running_stats + net->params[param].offset;
    default: return weights->params + net->params[param].offset;
    }
}

int weights_check_finite(const struct net *net, const struct weights *weights, struct err *err)
{
    for (int i = 0; i < net->param_count; i++) {
        const struct param *param = &net->params[i];
        if (param->kind != PARAM_TRACKED && !floats_are_finite(weights_at(net, weights, i), param->count))
            return err_set(err, "'%s' has a value that is not finite", param->name);
    }
    return 0;
}

static void fill(float *to, size_t count, float value)
{
    for (size_t i = 0; i < count; i++)
        to[i] = value;
}

static void fill_uniform(float *to, size_t count, double bound, uint64_t seed, int stream)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (float)((2 * rng_uniform(seed, (uint64_t)stream, i) - 1) * bound);
}

static void fill_normal(float *to, size_t count, double deviation, uint64_t seed, int stream)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (float)(rng_normal(seed, (uint64_t)stream, i) * deviation);
}

void weights_init(const struct net *net, struct weights *weights, uint64_t seed)
{
    int64_t inputs = 1; /* of the linear layer whose weight came last: its bias has the same bound */
    for (int i = 0; i < net->param_count; i++) {
        const struct param *param = &net->params[i];
        float *to = weights_at(net, weights, i);
        switch (param->kind) {
        case PARAM_CONV_WEIGHT: /* He et al. 2015, with the fan out as torchvision */
            fill_normal(to, param->count, sqrt(2.0 / (double)(param->shape[0] * param->shape[2] * param->shape[3])),
                        seed, i);
            break;
        case PARAM_LINEAR_WEIGHT:
            inputs = param->shape[1];
            if (net->linear_init == LINEAR_NORMAL)
                fill_normal(to, param->count, 0.01, seed, i);
            else
                fill_uniform(to, param->count,
                             1 / sqrt((double)param->shape[net->linear_init == LINEAR_UNIFORM_INPUTS]), seed, i);
            break;
        case PARAM_LINEAR_BIAS:
            if (net->linear_init == LINEAR_UNIFORM_INPUTS)
                fill_uniform(to, param->count, 1 / sqrt((double)inputs), seed, i);
            else
                fill(to, param->count, 0);
            break;
        case PARAM_NORM_WEIGHT:
        case PARAM_RUNNING_VAR: fill(to, param->count, 1); break;
        case PARAM_CONV_BIAS:
        case PARAM_NORM_BIAS:
        case PARAM_RUNNING_MEAN: fill(to, param->count, 0); break;
        case PARAM_TRACKED: weights->tracked[param->offset] = 0; break;
        }
    }
}

void weights_init_last(const struct net *net, struct weights *weights, uint64_t seed)
{
    const struct param *weight = &net->params[net->last_weight];
    double bound = 1 / sqrt((double)weight->shape[1]);
    fill_uniform(weights_at(net, weights, net->last_weight), weight->count, bound, seed, net->last_weight);
    fill_uniform(weights_at(net, weights, net->last_bias), net->params[net->last_bias].count, bound, seed,
                 net->last_bias);
}

void weights_fold(const struct net *net, const struct weights *weights, const struct layer *conv,
                  const struct layer *norm, float *weight, float *bias)
{
    const struct param *shape = &net->params[conv->weight];
    size_t channels = (size_t)shape->shape[0], each = shape->count / channels;
    const float *from = weights_at(net, weights, conv->weight);
    const float *shift = conv->bias < 0 ? NULL : weights_at(net, weights, conv->bias);
    for (size_t c = 0; c < channels; c++) {
        double scale = 1, offset = shift ? shift[c] : 0;
        if (norm) {
            double variance = weights_at(net, weights, norm->var)[c];
            scale = weights_at(net, weights, norm->weight)[c] / sqrt(variance + norm->eps);
            offset =
                (offset - weights_at(net, weights, norm->mean)[c]) * scale + weights_at(net, weights, norm->bias)[c];
        }
        for (size_t i = 0; i < each; i++)
            weight[c * each + i] = (float)(from[c * each + i] * scale);
        bias[c] = (float)offset;
    }
}
