/* The numbers of a network: three flat allocations, and how a training from scratch fills them. */
#include <math.h>

#include "net.h"
#include "rng.h"

/* Zeroed and 64-byte aligned. Never NULL for want of elements. */
static void *zeros(size_t count, size_t size)
{
    size_t bytes = (count * size + 63) / 64 * 64;
    bytes = bytes ? bytes : 64;
    void *memory = aligned_alloc(64, bytes);
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}

struct weights *weights_new(const struct net *net, struct err *err)
{
    struct weights *weights = calloc(1, sizeof *weights);
    if (weights) {
        weights->trained = zeros(net->trained_count, sizeof *weights->trained);
        weights->stats = zeros(net->stats_count, sizeof *weights->stats);
        weights->tracked = zeros(net->tracked_count, sizeof *weights->tracked);
    }
    if (!weights || !weights->trained || !weights->stats || !weights->tracked) {
        weights_free(weights);
        err_set(err, "out of memory for %zu weights", net->trained_count + net->stats_count);
        return NULL;
    }
    return weights;
}

void weights_free(struct weights *weights)
{
    if (!weights)
        return;
    free(weights->trained);
    free(weights->stats);
    free(weights->tracked);
    free(weights);
}

float *weights_at(const struct net *net, const struct weights *weights, int param)
{
    switch (net->params[param].kind) {
    case PARAM_TRACKED:
        return NULL;
    case PARAM_RUNNING_MEAN:
    case PARAM_RUNNING_VAR:
        return weights->stats + net->params[param].offset;
    default:
        return weights->trained + net->params[param].offset;
    }
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
        case PARAM_RUNNING_VAR:
            fill(to, param->count, 1);
            break;
        case PARAM_CONV_BIAS:
        case PARAM_NORM_BIAS:
        case PARAM_RUNNING_MEAN:
            fill(to, param->count, 0);
            break;
        case PARAM_TRACKED:
            weights->tracked[param->offset] = 0;
            break;
        }
    }
}
