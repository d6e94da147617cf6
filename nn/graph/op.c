/* Addresses of what a plan's ops work on, and what they drop. */
#include "op.h"

#include <assert.h>

#include "nn/rng.h"

static void *at(const struct plan *plan, size_t offset)
{
    return offset == SIZE_MAX ? NULL : plan->arena->base + offset;
}

float *value_data(const struct plan *plan, int value)
{
    assert(plan->values[value].type == VALUE_FLOAT32);
    return at(plan, plan->values[value].data);
}

float *value_grad(const struct plan *plan, int value)
{
    assert(plan->values[value].type == VALUE_FLOAT32);
    return at(plan, plan->values[value].grad);
}

void *op_scratch_forward(const struct plan *plan, const struct op *op)
{
    return at(plan, op->scratch_forward_at);
}

void *op_scratch_backward(const struct plan *plan, const struct op *op)
{
    return at(plan, op->scratch_backward_at);
}

void *op_saved(const struct plan *plan, const struct op *op)
{
    return at(plan, op->saved_at);
}

void *op_packed(const struct plan *plan, const struct op *op)
{
    return op->packed ? plan->packed->base + op->packed_at : NULL;
}

float *param_value(const struct plan *plan, int param)
{
    return param < 0 ? NULL : weights_at(plan->net, plan->weights, param);
}

float *param_grad(const struct plan *plan, int param)
{
    return param < 0 || !plan->grad ? NULL : plan->grad + plan->net->params[param].offset;
}

float drop_factor(const struct plan *plan, const struct op *op, size_t index)
{
    static const uint64_t stream = (uint64_t)0x64726f70 << 32; /* "drop": apart from the seed's other uses */
    double random = rng_uniform(plan->spec.seed, stream + (uint64_t)op->layer->drop_index, plan->step << 32 | index);
    bool dropped = random < (double)op->layer->drop;
    return dropped ? 0 : 1 / (1 - op->layer->drop);
}
