/* Fusion: in forward order each op is tried together with the op before it, whose result it alone reads. This file
 * knows what such a pair would be as one op; whether that is better than two is for the backend to say. */
#include "fuse.h"

#include <assert.h>

#include "backend.h"

/* The op before `at` that makes `value`, or NULL. */
static struct op *producer(struct op *ops, int at, int value)
{
    for (int i = 0; i < at; i++)
        if (ops[i].kind != OP_NONE && ops[i].out[OUT_RESULT] == value)
            return &ops[i];
    return NULL;
}

static bool has_one_reader(const struct op *ops, int count, int value)
{
    int readers = 0;
    for (int i = 0; i < count; i++)
        if (ops[i].kind != OP_NONE)
            readers += op_readings(&ops[i], value);
    return readers == 1;
}

/* What the op alone reads of what is made before it: of a sum the summand that is made later, the other being there by
 * then. */
static int fusible_input(const struct op *op)
{
    int residual = op->kind == OP_ADD ? op->in[IN_RESIDUAL] : -1;
    return residual > op->in[IN_DATA] ? residual : op->in[IN_DATA];
}

/* Batch norm, residual and activation follow a stage in this order. */
static bool is_bare(const struct op *op)
{
    return op->in[IN_RESIDUAL] < 0 && !op_last(op)->activation;
}

/* `before` and the `op` behind it as one; false where that is no op. */
static bool merge(const struct op *before, const struct op *op, struct op *merged)
{
    *merged = *before;
    merged->out[OUT_RESULT] = op->out[OUT_RESULT];
    struct op_stage *last = &merged->stages[merged->stage_count - 1];
    bool is_conv = before->kind == OP_CONV;
    switch (op->kind) {
    case OP_BATCH_NORM:
        if (!is_conv || !is_bare(before) || last->batch_norm)
            return false;
        last->batch_norm = op->stages[0].layer;
        return true;
    case OP_ADD:
        if (!is_conv || !is_bare(before))
            return false;
        merged->in[IN_RESIDUAL] = op->in[op->in[IN_DATA] == before->out[OUT_RESULT] ? IN_RESIDUAL : IN_DATA];
        return true;
    case OP_ACTIVATION:
        if (last->activation)
            return false;
        last->activation = op->stages[0].activation;
        return true;
    case OP_CONV:
        if (before->kind == OP_SCALE) {
            *merged = *op;
            merged->in[IN_DATA] = before->in[IN_DATA];
            merged->in[IN_SCALE] = before->in[IN_SCALE];
            return true;
        }
        if (!is_conv || before->in[IN_RESIDUAL] >= 0 || before->stage_count == OP_STAGES)
            return false;
        merged->stages[merged->stage_count++] = op->stages[0];
        return true;
    default: return false;
    }
}

static void fuse_with_producer(const struct plan *plan, struct op *ops, int count, int at)
{
    struct op merged, *op = &ops[at], *before = producer(ops, at, fusible_input(op));
    assert(!op_fused(op)); /* until its turn it is its layer */
    if (!before || before->trains != op->trains || before->out[OUT_MEAN] >= 0 ||
        !has_one_reader(ops, count, before->out[OUT_RESULT]) || !merge(before, op, &merged) ||
        !plan->spec.backend->select(plan, &merged))
        return;
    *op = merged; /* in the later one's place, by when all its inputs have been made */
    before->kind = OP_NONE;
}

/* The mean of planes is made beside them, whoever else reads those. */
static void fuse_mean(const struct plan *plan, struct op *ops, int at)
{
    struct op *op = &ops[at], *before = producer(ops, at, op->in[IN_DATA]);
    if (op->kind != OP_GLOBAL_AVG_POOL || !before || before->kind != OP_CONV || before->trains != op->trains ||
        before->out[OUT_MEAN] >= 0)
        return;
    struct op merged = *before;
    merged.out[OUT_MEAN] = op->out[OUT_RESULT];
    if (!plan->spec.backend->select(plan, &merged))
        return;
    *before = merged;
    op->kind = OP_NONE;
}

int fuse_ops(const struct plan *plan, struct op *ops, int count)
{
    for (int i = 0; i < count; i++) {
        fuse_with_producer(plan, ops, count, i);
        fuse_mean(plan, ops, i);
    }
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (ops[i].kind != OP_NONE)
            ops[kept++] = ops[i];
    return kept;
}
