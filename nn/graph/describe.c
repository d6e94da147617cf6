/* See describe.h. */
#include "describe.h"

#include <stdio.h>
#include <string.h>

void describe_layer(const struct plan *plan, const struct op *op, char *text, size_t size)
{
    *text = '\0';
    if (op->stage_count == 0 || op_layer(op)->weight < 0)
        return;
    snprintf(text, size, "%s", plan->net->params[op_layer(op)->weight].name);
    char *dot = strrchr(text, '.');
    if (dot)
        *dot = '\0';
}

/* snprintf at the end of what is there. */
#define ADD(...) snprintf(text + strlen(text), size - strlen(text), __VA_ARGS__)

/* "3x3/2", and what is depthwise in a chain "dw 3x3". */
static void add_window(char *text, size_t size, const struct layer *layer, const char *before, bool chain)
{
    if (layer->kind != LAYER_CONV && layer->kind != LAYER_MAX_POOL)
        return;
    ADD("%s%s%dx%d", before, chain && layer_is_depthwise(layer) ? "dw " : "", layer->kernel, layer->kernel);
    if (layer->stride > 1)
        ADD("/%d", layer->stride);
}

/* "16>96>24": inputs and outputs, of a chain those of each part that is not depthwise. */
static void add_channels(char *text, size_t size, const struct op *op, int inputs)
{
    ADD(" %d", inputs);
    for (int i = 0; i < op->stage_count; i++)
        if (!layer_is_depthwise(op->stages[i].layer))
            ADD(">%d", op->stages[i].layer->channels);
}

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
    const struct op_stage *stages = op->stages, *last = op_last(op);
    const struct value *in = op_input(plan, op, IN_DATA), *out = op_result(plan, op);
    unsigned fused = op_fused(op);
    bool convolves = op->kind == OP_CONV, chain = fused & FUSED_CHAIN;
    snprintf(text, size, "%s%s", op->kind == OP_ACTIVATION ? activations[last->activation] : names[op->kind],
             chain ? "s" : "");
    for (int i = 0; i < op->stage_count; i++)
        add_window(text, size, stages[i].layer, i > 0 ? "+" : " ", chain);
    if (convolves && !chain && layer_is_depthwise(last->layer))
        ADD(" dw");
    else if (convolves && !chain && last->layer->groups > 1)
        ADD(" g%d", last->layer->groups);
    if ((convolves || op->kind == OP_LINEAR) && (chain || !layer_is_depthwise(last->layer)))
        add_channels(text, size, op, in->c);
    else
        ADD(" %d", out->c);
    if (out->h > 1 || out->w > 1)
        ADD(" %dx%d", out->h, out->w);
    if (fused & FUSED_SCALE)
        ADD("+scale");
    if ((fused & FUSED_NORM) && !chain) /* of a chain that goes without saying */
        ADD("+norm");
    if (fused & FUSED_RESIDUAL)
        ADD("+add");
    if ((fused & FUSED_ACTIVATION) && last->activation)
        ADD("+%s", activations[last->activation]);
    if (fused & FUSED_MEAN)
        ADD("+mean");
}

void describe_implementation(const struct op *op, bool backward, char *text, size_t size)
{
    const char *first = op->implementation[backward ? PASS_BACKWARD_DATA : PASS_FORWARD];
    const char *second = backward ? op->implementation[PASS_BACKWARD_WEIGHTS] : NULL;
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
    bool same = !strcmp(first + word, second + other);
    snprintf(text, size, "%.*s/%.*s", (int)word, first, same ? (int)strlen(second) : (int)other, second);
}

double describe_flop(const struct plan *plan, const struct op *op, bool backward)
{
    if (op->kind != OP_CONV && op->kind != OP_LINEAR)
        return 0;
    const struct value *in = op_input(plan, op, IN_DATA);
    double flop = 0;
    int side = in->h; /* planes are square: images are */
    for (int i = 0; i < op->stage_count; i++) {
        const struct layer *layer = op->stages[i].layer;
        side = (side + 2 * layer->padding - layer->kernel) / layer->stride + 1;
        double terms = (double)layer->inputs / layer->groups * layer->kernel * layer->kernel;
        flop += 2.0 * in->n * layer->channels * side * side * terms;
    }
    return flop * (backward ? 1 + op->wants_grad[IN_DATA] : 1);
}
