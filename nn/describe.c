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
        [OP_DROPOUT] = "dropout",   [OP_DROP_ROWS] = "drop rows",
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
    snprintf(text, size, "%s", op->expansion.layer ? "expand+dw" : name);
    if (op->kind == OP_CONV || op->kind == OP_MAX_POOL)
        ADD(" %dx%d", layer->kernel, layer->kernel);
    if ((op->kind == OP_CONV || op->kind == OP_MAX_POOL) && layer->stride > 1)
        ADD("/%d", layer->stride);
    if (op->kind == OP_CONV && layer->groups == in->c && in->c == out->c)
        ADD(" dw %d", out->c);
    else if (op->kind == OP_CONV && layer->groups > 1 && !op->expansion.layer)
        ADD(" g%d %d>%d", layer->groups, in->c, out->c);
    else if (op->kind == OP_CONV || op->kind == OP_LINEAR)
        ADD(" %d>%d", in->c, out->c);
    else
        ADD(" %d", out->c);
    if (out->h > 1 || out->w > 1)
        ADD(" %dx%d", out->h, out->w);
    if (op->norm)
        ADD("+norm");
    if (op->kind == OP_CONV && op->in[1] >= 0)
        ADD("+add");
    if (op->kind != OP_ACTIVATION && op->activation != ACTIVATION_NONE)
        ADD("+%s", activations[op->activation]);
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

double describe_flop(const struct plan *plan, const struct op *op, bool backward)
{
    if (op->kind != OP_CONV && op->kind != OP_LINEAR)
        return 0;
    const struct layer *layer = op->layer;
    const struct value *in = &plan->values[op->in[0]], *out = &plan->values[op->out];
    double outputs = (double)out->n * out->c * out->h * out->w;
    if (op->expansion.layer) {
        double expanded = (double)in->n * out->c * in->h * in->w;
        return 2 * (expanded * in->c + outputs * layer->kernel * layer->kernel);
    }
    double terms = op->kind == OP_LINEAR ? in->c : (double)in->c / layer->groups * layer->kernel * layer->kernel;
    int passes = backward ? 1 + op->wants_grad[0] : 1;
    return 2 * outputs * terms * passes;
}
