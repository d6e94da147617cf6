/* Fusion: several layers as one op, so that a value is written once instead of once a layer. */
#include "fuse.h"

#include "backend.h"

/* The op before `at` that makes `value` and whose result only `at` reads, or NULL. */
static struct op *sole_producer(struct op *ops, int count, int at, int value)
{
    struct op *producer = NULL;
    int readers = 0;
    for (int i = 0; i < count; i++) {
        if (ops[i].kind == OP_KINDS)
            continue;
        if (i < at && ops[i].out == value)
            producer = &ops[i];
        for (int j = 0; j < OP_INPUTS; j++)
            readers += ops[i].in[j] == value;
        readers += ops[i].out == value && ops[i].pooled >= 0;
    }
    return readers == 1 ? producer : NULL;
}

/* The merged op takes the later one's place, by when all its inputs have been made. */
static void move(struct op *from, struct op *to)
{
    from->out = to->out;
    *to = *from;
    from->kind = OP_KINDS; /* dead */
}

/* Batch norm, then the sum behind it, into the conv before them. */
static void fold_into_conv(const struct plan *plan, struct op *ops, int count, int at)
{
    struct op *op = &ops[at];
    if (op->kind == OP_BATCH_NORM) {
        struct op *conv = sole_producer(ops, count, at, op->in[0]);
        if (conv && conv->kind == OP_CONV && !conv->batch_norm && !conv->activation && conv->in[1] < 0) {
            conv->batch_norm = op->layer;
            move(conv, op);
        }
    } else if (op->kind == OP_ADD) {
        /* Of the two summands the one made later becomes the conv: the other is there by then. */
        int later = op->in[1] > op->in[0];
        struct op *conv = sole_producer(ops, count, at, op->in[later]);
        if (conv && conv->kind == OP_CONV && conv->in[1] < 0 && !conv->activation &&
            (!conv->expansion.layer || conv->depthwise.layer) && op->in[!later] != plan->input) {
            conv->in[1] = op->in[!later];
            move(conv, op);
        }
    }
}

/* The fused convolutions are loops in blocked layouts, of which the zeros that pad the last block have to stay zero. */
static bool takes(const struct op *op, enum activation activation)
{
    return activation != ACTIVATION_SIGMOID || (!op->expansion.layer && !op->depthwise.layer && op->in[2] < 0);
}

/* An activation into the op of that kind before it, if that can do it. */
static void fold_activation(struct op *ops, int count, int at, enum op_kind into, unsigned activations)
{
    if (ops[at].kind != OP_ACTIVATION || !(activations & 1u << ops[at].activation))
        return;
    struct op *producer = sole_producer(ops, count, at, ops[at].in[0]);
    if (producer && producer->kind == into && !producer->activation && takes(producer, ops[at].activation)) {
        producer->activation = ops[at].activation;
        move(producer, &ops[at]);
    }
}

static bool is_pointwise(const struct op *op)
{
    const struct layer *layer = op->layer;
    return op->kind == OP_CONV && layer->kernel == 1 && layer->stride == 1 && layer->padding == 0 &&
           layer->groups == 1 && !op->expansion.layer && !op->depthwise.layer;
}

static struct op_stage stage_of(const struct op *op)
{
    return (struct op_stage){ op->layer, op->batch_norm, op->activation };
}

/* A 1x1 convolution into the depthwise one behind it. */
static void fold_expansion(const struct plan *plan, struct op *ops, int count, int at)
{
    struct op *op = &ops[at];
    if (op->kind != OP_CONV || !layer_is_depthwise(op->layer) || op->expansion.layer)
        return;
    struct op *before = sole_producer(ops, count, at, op->in[0]);
    if (!before || !is_pointwise(before) || before->in[1] >= 0 || before->in[2] >= 0 ||
        !plan->backend->expands(plan, before, op))
        return;
    op->expansion = stage_of(before);
    op->in[0] = before->in[0];
    before->kind = OP_KINDS; /* dead */
}

/* A depthwise convolution, with its expansion, into the 1x1 one behind it. */
static void fold_depthwise(const struct plan *plan, struct op *ops, int count, int at)
{
    struct op *op = &ops[at];
    if (!is_pointwise(op))
        return;
    struct op *before = sole_producer(ops, count, at, op->in[0]);
    if (!before || before->kind != OP_CONV || !layer_is_depthwise(before->layer) || before->in[1] >= 0 ||
        !plan->backend->projects(plan, before, op))
        return;
    op->depthwise = stage_of(before);
    op->expansion = before->expansion;
    op->in[0] = before->in[0];
    before->kind = OP_KINDS; /* dead */
}

static struct op *producer_of(struct op *ops, int at, int value)
{
    for (int i = 0; i < at; i++)
        if (ops[i].kind != OP_KINDS && ops[i].out == value)
            return &ops[i];
    return NULL;
}

/* The average of a convolution's planes into that: it is made beside them. */
static void fold_pool(const struct plan *plan, struct op *ops, int at)
{
    struct op *op = &ops[at];
    struct op *conv = op->kind == OP_GLOBAL_AVG_POOL ? producer_of(ops, at, op->in[0]) : NULL;
    if (!conv || conv->kind != OP_CONV || conv->pooled >= 0 || !plan->backend->pools(plan, conv))
        return;
    conv->pooled = op->out;
    op->kind = OP_KINDS; /* dead */
}

/* The factors of a 1x1 convolution's inputs into that: it multiplies its weights by them. */
static void fold_scale(const struct plan *plan, struct op *ops, int count, int at)
{
    struct op *op = &ops[at];
    if (!is_pointwise(op) || op->in[2] >= 0)
        return;
    struct op *scale = sole_producer(ops, count, at, op->in[0]);
    const struct op *loader_worker = scale && scale->kind == OP_SCALE ? producer_of(ops, at, scale->in[0]) : NULL;
    if (!loader_worker || !plan->backend->scales(plan, loader_worker, op))
        return;
    op->in[0] = scale->in[0];
    op->in[2] = scale->in[1];
    scale->kind = OP_KINDS; /* dead */
}

int fuse_ops(const struct plan *plan, struct op *ops, int count)
{
    const struct backend *backend = plan->backend;
    for (int i = 0; i < count; i++) {
        bool eval = !ops[i].trains;
        if (eval && backend->folds)
            fold_into_conv(plan, ops, count, i);
        if (eval && backend->expands)
            fold_expansion(plan, ops, count, i);
        if (eval && backend->projects)
            fold_depthwise(plan, ops, count, i);
        if (eval && backend->pools)
            fold_pool(plan, ops, i);
        if (eval && backend->scales)
            fold_scale(plan, ops, count, i);
        fold_activation(ops, count, i, OP_CONV, eval ? backend->conv_activations : 0);
        fold_activation(ops, count, i, OP_BATCH_NORM, backend->norm_activations);
        fold_activation(ops, count, i, OP_ADD, backend->add_activations);
    }
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (ops[i].kind != OP_KINDS)
            ops[kept++] = ops[i];
    return kept;
}
