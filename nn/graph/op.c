/* Addresses of what a plan's ops work on, and what they drop. */
#include "op.h"

#include <assert.h>
#include <stdlib.h>

#include "nn/rng.h"

unsigned op_fused(const struct op *op)
{
    unsigned fused = op->stage_count > 1 ? FUSED_CHAIN : 0;
    for (int i = 0; i < op->stage_count; i++) {
        const struct op_stage *stage = &op->stages[i];
        fused |= stage->batch_norm ? FUSED_NORM : 0;
        fused |= stage->activation != stage->layer->activation ? FUSED_ACTIVATION : 0;
    }
    fused |= op->kind != OP_ADD && op->in[IN_RESIDUAL] >= 0 ? FUSED_RESIDUAL : 0;
    fused |= op->kind != OP_SCALE && op->in[IN_SCALE] >= 0 ? FUSED_SCALE : 0;
    return fused | (op->out[OUT_MEAN] >= 0 ? FUSED_MEAN : 0);
}

int op_readings(const struct op *op, int value)
{
    int count = 0;
    for (int j = 0; j < OP_INPUTS; j++)
        count += op->in[j] == value;
    return count;
}

void *op_state_new(struct op *op, size_t size, struct err *err)
{
    assert(!op->state);
    if (!(op->state = calloc(1, size)))
        err_set(err, "out of memory for a plan");
    return op->state;
}

void op_state_free(struct op *op)
{
    free(op->state);
    op->state = NULL;
}

void op_set_implementation(struct op *op, const char *name)
{
    for (int pass = 0; pass < OP_PASSES; pass++)
        op->implementation[pass] = name;
}

static void *at(const struct plan *plan, size_t offset)
{
    return offset == SIZE_MAX ? NULL : plan->arena->base + offset;
}

void *value_data_memory(const struct plan *plan, int value)
{
    return value < 0 ? NULL : at(plan, plan->values[value].data);
}

void *value_grad_memory(const struct plan *plan, int value)
{
    return value < 0 ? NULL : at(plan, plan->values[value].grad);
}

float *value_data(const struct plan *plan, int value)
{
    assert(value < 0 || plan->values[value].type == VALUE_FLOAT32);
    return value_data_memory(plan, value);
}

float *value_grad(const struct plan *plan, int value)
{
    assert(value < 0 || plan->values[value].type == VALUE_FLOAT32);
    return value_grad_memory(plan, value);
}

float *op_input_data(const struct plan *plan, const struct op *op, enum op_input input)
{
    return value_data(plan, op->in[input]);
}

float *op_input_grad(const struct plan *plan, const struct op *op, enum op_input input)
{
    return value_grad(plan, op->in[input]);
}

float *op_result_data(const struct plan *plan, const struct op *op)
{
    return value_data(plan, op->out[OUT_RESULT]);
}

float *op_result_grad(const struct plan *plan, const struct op *op)
{
    return value_grad(plan, op->out[OUT_RESULT]);
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

void stage_fold(const struct plan *plan, const struct op_stage *stage, float *weight, float *bias)
{
    weights_fold(plan->net, plan->weights, stage->layer, stage->batch_norm, weight, bias);
}

float drop_factor(const struct plan *plan, const struct op *op, size_t index)
{
    static const uint64_t stream = (uint64_t)0x64726f70 << 32; /* "drop": apart from the seed's other uses */
    const struct layer *layer = op_layer(op);
    double random = rng_uniform(plan->spec.seed, stream + (uint64_t)layer->drop_index, plan->step << 32 | index);
    bool dropped = random < (double)layer->drop;
    return dropped ? 0 : 1 / (1 - layer->drop);
}
