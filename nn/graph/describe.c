/* See describe.h. */
#include "describe.h"

#include <stdio.h>
#include <string.h>

void describe_layer(const struct plan *plan, const struct op *op, char *text, size_t size)
{
    *text = '\0';
    if (op->layer->weight < 0 || op->kind == OP_REORDER)
        return;
    snprintf(text, size, "%s", plan->net->params[op->layer->weight].name);
    char *dot = strrchr(text, '.');
    if (dot)
        *dot = '\0';
}

/* snprintf at the end of what is there. */
#define ADD(...) snprintf(text + strlen(text), size - strlen(text), __VA_ARGS__)

void describe_op(const struct plan *plan, const struct op *op, char *text, size_t size)
{
    static const char *const names[OP_KINDS] = {
        [OP_CONV] = "conv",         [OP_BATCH_NORM] = "norm",
        [OP_MAX_POOL] = "max pool", [OP_GLOBAL_AVG_POOL] = "average pool",
        [OP_ADD] = "add",           [OP_SCALE] = "scale",
        [OP_DROPOUT] = "dropout",   [OP_STOCHASTIC_DEPTH] = "stochastic depth",
        [OP_LINEAR] = "linear",     [OP_REORDER] = "reorder",
    };
    static const char *const activations[ACTIVATIONS] = {
        [ACTIVATION_RELU] = "relu",
        [ACTIVATION_RELU6] = "relu6",
        [ACTIVATION_SILU] = "silu",
        [ACTIVATION_SIGMOID] = "sigmoid",
    };
    const struct layer *layer = op->layer;
    const struct value *in = &plan->values[op->in[0]], *out = &plan->values[op->out];
    const char *name = op->kind == OP_ACTIVATION ? activations[op->activation] : names[op->kind];
    bool convolves = op->kind == OP_CONV, slides = convolves || op->kind == OP_MAX_POOL;
    const struct layer *window = op->depthwise.layer ? op->depthwise.layer : layer;
    snprintf(text, size, "%s%s", op->expansion.layer ? "expand+" : "",
             op->depthwise.layer || op->expansion.layer ? "dw" : name);
    if (slides)
        ADD(" %dx%d", window->kernel, window->kernel);
    if (slides && window->stride > 1)
        ADD("/%d", window->stride);
    if (op->depthwise.layer)
        ADD("+project");
    if (convolves && layer_is_depthwise(layer))
        ADD(" dw %d", out->c);
    else if (convolves && layer->groups > 1 && !op->expansion.layer)
        ADD(" g%d %d>%d", layer->groups, in->c, out->c);
    else if (convolves || op->kind == OP_LINEAR)
        ADD(" %d>%d", in->c, out->c);
    else
        ADD(" %d", out->c);
    if (out->h > 1 || out->w > 1)
        ADD(" %dx%d", out->h, out->w);
    if (op->in[2] >= 0)
        ADD("+scale");
    if (op->batch_norm && !op->depthwise.layer && !op->expansion.layer) /* of several stages that goes without saying */
        ADD("+norm");
    if (convolves && op->in[1] >= 0)
        ADD("+add");
    if (op->kind != OP_ACTIVATION && op->activation != ACTIVATION_NONE)
        ADD("+%s", activations[op->activation]);
    if (op->pooled >= 0)
        ADD("+mean");
}

void describe_implementation(const struct op *op, bool backward, char *text, size_t size)
{
    const char *(*implementation)(const struct op *, enum op_pass) = op->functions->implementation;
    const char *first = implementation ? implementation(op, backward ? PASS_BACKWARD_DATA : PASS_FORWARD) : NULL;
    const char *second = implementation && backward ? implementation(op, PASS_BACKWARD_WEIGHTS) : NULL;
    if (!first) {
        first = second;
        second = NULL;
    }
    if (!first)
        first = "loops";
    if (!second || !strcmp(first, second)) {
        snprintf(text, size, "%s", first);
        return;
    }
    /* Two kernels name their instruction set once where it is the same, and else not at all, for want of room. */
    size_t word = strcspn(first, ":"), other = strcspn(second, ":");
    bool same = strcmp(first + word, second + other) == 0;
    snprintf(text, size, "%.*s/%.*s", (int)word, first, same ? (int)strlen(second) : (int)other, second);
}

/* Multiplications and additions of a layer with so many inputs and such a plane of outputs. */
static double flop_of(const struct layer *layer, int channels, double images, int h, int w)
{
    double terms =
        layer->kind == LAYER_LINEAR ? channels : (double)channels / layer->groups * layer->kernel * layer->kernel;
    return 2 * images * layer->channels * h * w * terms;
}

double describe_flop(const struct plan *plan, const struct op *op, bool backward)
{
    if (op->kind != OP_CONV && op->kind != OP_LINEAR)
        return 0;
    const struct layer *layer = op->layer, *depthwise = op->depthwise.layer, *expansion = op->expansion.layer;
    const struct value *in = &plan->values[op->in[0]], *out = &plan->values[op->out];
    int channels = in->c;
    double flop = 0;
    if (expansion) {
        flop += flop_of(expansion, channels, in->n, in->h, in->w);
        channels = expansion->channels;
    }
    if (depthwise)
        flop += flop_of(depthwise, channels, in->n, out->h, out->w);
    flop += flop_of(layer, depthwise ? depthwise->channels : channels, in->n, out->h, out->w);
    return flop * (backward ? 1 + op->wants_grad[0] : 1);
}
