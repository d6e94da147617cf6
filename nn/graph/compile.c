/* Compiling a plan: shapes of the values, one op a layer, fusion, then the backend prepares op by op. */
#include <assert.h>
#include <stdlib.h>

#include "compile.h"

#include "backend.h"
#include "fuse.h"
#include "memory_plan.h"
#include "recompute.h"

#define SIDE_MAX 8192
#define BATCH_MAX 65536
#define VALUE_MAX INT32_MAX /* elements: what indexes them in kernels is often an int */

static void value_set(struct value *value, int n, int c, int h, int w)
{
    *value = (struct value){ .n = n,
                             .c = c,
                             .h = h,
                             .w = w,
                             .canonical = true,
                             .type = VALUE_FLOAT32,
                             .bytes = (size_t)n * (size_t)c * (size_t)h * (size_t)w * value_type_size(VALUE_FLOAT32),
                             .data = SIZE_MAX,
                             .grad = SIZE_MAX };
}

static int shape_values(struct plan *plan, struct err *err)
{
    const struct plan_spec *spec = &plan->spec;
    for (int i = 0; i < plan->net->layer_count; i++) {
        const struct layer *layer = &plan->net->layers[i];
        const struct value *in = layer->in[0] >= 0 ? &plan->values[layer->in[0]] : NULL;
        int side = layer_side(layer, in ? in->h : spec->image_size);
        if (!side)
            return err_set(err, "images of %d pixels are too small for the network '%s'", spec->image_size,
                           plan->net->type);
        switch (layer->kind) {
        case LAYER_INPUT: plan->input = i; break;
        case LAYER_BATCH_NORM:
            if (spec->mode == PLAN_TRAIN && (long)spec->batch * side * side < 2)
                return err_set(err,
                               "batch norm needs more than one value a channel: a batch of %d images of %d pixels "
                               "is too small to train on",
                               spec->batch, spec->image_size);
            break;
        case LAYER_LINEAR: assert(in && in->h == 1); break;
        case LAYER_DROPOUT: assert(side == 1); break;
        case LAYER_ADD: assert(plan->values[layer->in[1]].h == side); break;
        case LAYER_SCALE: assert(plan->values[layer->in[1]].h == 1); break;
        case LAYER_CONV:
        case LAYER_MAX_POOL:
        case LAYER_GLOBAL_AVG_POOL:
        case LAYER_ACTIVATION:
        case LAYER_STOCHASTIC_DEPTH: break;
        }
        if ((int64_t)layer->channels * side * side > VALUE_MAX / spec->batch)
            return err_set(err, "a batch of %d images of %d pixels is too large", spec->batch, spec->image_size);
        value_set(&plan->values[i], spec->batch, layer->channels, side, side);
    }
    return 0;
}

static struct op op_new(enum op_kind kind, int in, int out, bool trains)
{
    return (struct op){ .kind = kind,
                        .in = { [IN_DATA] = in, [IN_RESIDUAL] = -1, [IN_SCALE] = -1 },
                        .out = { [OUT_RESULT] = out, [OUT_MEAN] = -1 },
                        .trains = trains,
                        .share_data = -1,
                        .share_grad = -1 };
}

/* Of PLAN_TRAIN_LAST the last layer and what drops its inputs. */
static bool layer_trains(const struct plan *plan, int layer)
{
    const struct layer *layers = plan->net->layers;
    int last = plan->net->layer_count - 1;
    bool is_head = layer == last || (layers[layer].kind == LAYER_DROPOUT && layers[last].in[0] == layer);
    return plan->spec.mode == PLAN_TRAIN || (plan->spec.mode == PLAN_TRAIN_LAST && is_head);
}

/* The value that a layer reads as `value`: evaluation drops nothing, so what would be dropped is passed on as it is. */
static int undropped(const struct plan *plan, int value)
{
    while (value >= 0 && !layer_trains(plan, value) &&
           (plan->net->layers[value].kind == LAYER_DROPOUT || plan->net->layers[value].kind == LAYER_STOCHASTIC_DEPTH))
        value = plan->net->layers[value].in[0];
    return value;
}

/* The ops of all layers, fused. */
static int list_ops(const struct plan *plan, struct op *ops)
{
    int count = 0;
    for (int i = 0; i < plan->net->layer_count; i++) {
        const struct layer *layer = &plan->net->layers[i];
        if (layer->kind == LAYER_INPUT || undropped(plan, i) != i)
            continue;
        struct op *op = &ops[count++];
        *op = op_new((enum op_kind)layer->kind, undropped(plan, layer->in[0]), i, layer_trains(plan, i));
        op->stages[op->stage_count++] = (struct op_stage){ .layer = layer, .activation = layer->activation };
        if (layer->in[1] >= 0)
            op->in[layer->kind == LAYER_SCALE ? IN_SCALE : IN_RESIDUAL] = undropped(plan, layer->in[1]);
    }
    return fuse_ops(plan, ops, count);
}

/* Backward runs from the last op to the first: of several consumers the last writes the gradient, the others add. */
static void link_gradients(const struct plan *plan, struct op *ops, int count)
{
    if (plan->spec.mode != PLAN_TRAIN)
        return;
    for (int i = 0; i < count; i++)
        for (int j = 0; j < OP_INPUTS; j++) {
            int value = ops[i].in[j];
            ops[i].wants_grad[j] = value >= 0 && value != plan->input;
            if (!ops[i].wants_grad[j])
                continue;
            for (int before = 0; before < j; before++)
                ops[i].accumulate[j] |= ops[i].in[before] == value;
            for (int later = i + 1; later < count; later++)
                ops[i].accumulate[j] |= op_readings(&ops[later], value) > 0;
        }
}

/* Values and ops at most: each op may need a reorder in front for each input, the logits one behind. */
static int most_ops(const struct net *net)
{
    return (1 + OP_INPUTS) * net->layer_count + 1;
}

static int prepare_op(struct plan *plan, const struct op *from, const struct op_functions *functions, struct err *err)
{
    assert(plan->op_count < most_ops(plan->net));
    struct op *op = &plan->ops[plan->op_count++];
    *op = *from;
    op->functions = functions;
    return functions->prepare ? functions->prepare(plan, op, err) : 0;
}

/* A canonical copy of in[j] for this op alone, so that who writes and who adds to its gradient stays as it was linked:
 * the copy's only consumer writes, the reorder does what the consumer would have done. */
static int reorder_input(struct plan *plan, struct op *op, int j, struct err *err)
{
    assert(plan->value_count < most_ops(plan->net));
    int from = op->in[j], to = plan->value_count++;
    const struct value *value = &plan->values[from];
    struct op reorder = op_new(OP_REORDER, from, to, op->trains);
    reorder.wants_grad[IN_DATA] = op->wants_grad[j];
    reorder.accumulate[IN_DATA] = op->accumulate[j];
    value_set(&plan->values[to], value->n, value->c, value->h, value->w);
    op->in[j] = to;
    op->accumulate[j] = false;
    const struct op_functions *functions = plan->spec.backend->select(plan, &reorder);
    if (!functions)
        return err_set(err, "the backend '%s' cannot give up its layouts", plan->spec.backend->name);
    return prepare_op(plan, &reorder, functions, err);
}

static int prepare_ops(struct plan *plan, struct op *ops, int count, struct err *err)
{
    const struct backend *backend = plan->spec.backend;
    for (int i = 0; i < count; i++) {
        const struct op_functions *functions = backend->select(plan, &ops[i]);
        if (!functions && backend->fallback)
            functions = backend->fallback->select(plan, &ops[i]);
        assert(functions); /* what was fused it said it would run, and what was not every backend does */
        for (int j = 0; functions->canonical && j < OP_INPUTS; j++)
            if (ops[i].in[j] >= 0 && !plan->values[ops[i].in[j]].canonical && reorder_input(plan, &ops[i], j, err))
                return -1;
        if (prepare_op(plan, &ops[i], functions, err))
            return -1;
    }
    plan->logits = ops[count - 1].out[OUT_RESULT];
    if (!plan->values[plan->logits].canonical) {
        bool trains = ops[count - 1].trains;
        struct op reader = op_new(OP_REORDER, plan->logits, -1, trains);
        reader.wants_grad[IN_DATA] = trains;
        if (reorder_input(plan, &reader, IN_DATA, err))
            return -1;
        plan->logits = reader.in[IN_DATA];
    }
    return 0;
}

/* One block for all packed weights: on large pages it is read with fewer TLB misses. */
static int reserve_packed(struct plan *plan, struct err *err)
{
    size_t bytes = 0;
    for (int i = 0; i < plan->op_count; i++) {
        plan->ops[i].packed_at = bytes;
        bytes += arena_align(plan->ops[i].packed);
    }
    return arena_reserve(plan->packed, bytes, err) ? err_prefix(err, "packed weights") : 0;
}

int plan_compile(struct plan *plan, struct err *err)
{
    const struct plan_spec *spec = &plan->spec;
    if (spec->batch < 1 || spec->batch > BATCH_MAX)
        return err_set(err, "the batch size %d is not between 1 and %d", spec->batch, BATCH_MAX);
    if (spec->image_size < 1 || spec->image_size > SIDE_MAX)
        return err_set(err, "the image size %d is not between 1 and %d", spec->image_size, SIDE_MAX);

    int layers = plan->net->layer_count, values = most_ops(plan->net);
    struct op *ops = calloc((size_t)layers, sizeof *ops);
    plan->values = calloc((size_t)values, sizeof *plan->values);
    plan->ops = calloc((size_t)values, sizeof *plan->ops);
    int status = -1;
    if (!ops || !plan->values || !plan->ops) {
        err_set(err, "out of memory for a plan");
        goto out;
    }
    if (shape_values(plan, err))
        goto out;
    plan->value_count = layers;
    int count = list_ops(plan, ops);
    link_gradients(plan, ops, count);
    if (prepare_ops(plan, ops, count, err) || reserve_packed(plan, err) || recompute_choose(plan, err) ||
        memory_plan(plan, err))
        goto out;
    status = 0;
out:
    free(ops);
    return status;
}
