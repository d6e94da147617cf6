/* Liveness: when each value, gradient, saved and scratch buffer of a plan is needed, and which may share memory.
 *
 * Time runs 0, 1, … K-1 through the forward ops, K is the loss, and the backward of op i is at 2K - i. A value's data
 * lives from its op to its last reader, forward or backward; a gradient from the first consumer's backward to that of
 * the op that made the value. What is remade is not needed from its last reader in forward to its first in
 * backward. */
#include "compile.h"

struct placing {
    struct plan *plan;
    struct span *spans;
    int span_count;
    int *data, *grad; /* by value: index of its span, -1: none */
    int *forward_end, *backward_start, *data_end; /* by value: when its data is last read in forward, first in backward
                                                     (-1: never), last of all */
    int *saved, *scratch_forward, *scratch_backward; /* by op, likewise */
};

static int backward_time(const struct plan *plan, int op)
{
    return 2 * plan->op_count - op;
}

/* -1 for nothing. */
static int span_add(struct placing *placing, size_t bytes, int start, int end)
{
    if (!bytes)
        return -1;
    placing->spans[placing->span_count] = (struct span){ .bytes = bytes, .start = start, .end = end };
    return placing->span_count++;
}

static void read_in_backward(struct placing *placing, int value, int time)
{
    int *start = &placing->backward_start[value], *end = &placing->data_end[value];
    *start = *start < 0 || time < *start ? time : *start;
    *end = time > *end ? time : *end;
}

static void find_reads(struct placing *placing)
{
    const struct plan *plan = placing->plan;
    for (int i = 0; i < plan->op_count; i++) {
        const struct op *op = &plan->ops[i];
        for (int j = 0; j < OP_INPUTS; j++)
            if (op->in[j] >= 0)
                placing->forward_end[op->in[j]] = placing->data_end[op->in[j]] = i;
    }
    for (int i = 0; i < plan->op_count; i++) {
        const struct op *op = &plan->ops[i];
        for (int j = 0; j < OP_INPUTS; j++)
            if (op->in[j] >= 0 && op->trains && op->keep_in[j])
                read_in_backward(placing, op->in[j], backward_time(plan, i));
        if (op->trains && op->keep_out)
            read_in_backward(placing, op->out, backward_time(plan, i));
    }
    int end = 2 * plan->op_count;
    placing->data_end[plan->input] = end;  /* a step may be repeated without filling it again */
    placing->data_end[plan->logits] = end; /* read after the step */
}

/* From the last op to the first, since what an op remakes from may have to be remade itself, and so earlier. */
static void time_remakes(struct placing *placing)
{
    struct plan *plan = placing->plan;
    for (int i = plan->op_count - 1; i >= 0; i--) {
        struct op *op = &plan->ops[i];
        int time = placing->backward_start[op->out];
        op->remake_at = op->remade ? 2 * plan->op_count - time : -1;
        for (int j = 0; j < OP_INPUTS; j++)
            if (op->remade && op->in[j] >= 0)
                read_in_backward(placing, op->in[j], time);
    }
    for (int at = plan->op_count - 1; at >= 0; at--)
        for (int i = 0; i < at; i++)
            if (plan->ops[i].remake_at == at)
                plan->remakes[plan->remake_count++] = i;
}

/* Not needed from after `forward` to before `backward`. */
static void span_gap(struct span *span, int forward, int backward)
{
    if (backward - forward > 1) {
        span->gap_start = forward + 1;
        span->gap_end = backward - 1;
    }
}

static void span_extend(struct span *span, int end)
{
    span->end = end > span->end ? end : span->end;
}

/* In place if nobody else needs what is overwritten. */
static bool may_share_data(const struct placing *placing, int at)
{
    const struct plan *plan = placing->plan;
    const struct op *op = &plan->ops[at];
    if (op->share_data < 0)
        return false;
    int in = op->in[op->share_data];
    for (int j = 0; j < OP_INPUTS; j++)
        if (j != op->share_data && op->in[j] == in)
            return false;
    return in >= 0 && placing->data_end[in] == at && plan->values[in].bytes == plan->values[op->out].bytes;
}

static void span_data(struct placing *placing)
{
    struct plan *plan = placing->plan;
    placing->data[plan->input] =
        span_add(placing, plan->values[plan->input].bytes, 0, placing->data_end[plan->input]);
    for (int i = 0; i < plan->op_count; i++) {
        struct op *op = &plan->ops[i];
        int start = i, end = placing->data_end[op->out];
        end = end > start ? end : start;
        op->data_shared = may_share_data(placing, i);
        if (op->data_shared) {
            placing->data[op->out] = placing->data[op->in[op->share_data]];
            span_extend(&placing->spans[placing->data[op->out]], end);
        } else {
            placing->data[op->out] = span_add(placing, plan->values[op->out].bytes, start, end);
        }
        if (op->pooled >= 0)
            placing->data[op->pooled] =
                span_add(placing, plan->values[op->pooled].bytes, start, placing->data_end[op->pooled]);
        int remade = op->remade ? backward_time(plan, op->remake_at) : i;
        placing->scratch_forward[i] = span_add(placing, op->scratch_forward, i, remade);
        if (op->remade) {
            span_gap(&placing->spans[placing->data[op->out]], placing->forward_end[op->out], remade);
            if (op->scratch_forward)
                span_gap(&placing->spans[placing->scratch_forward[i]], i, remade);
        }
    }
}

/* The gradient of an op's output dies with its backward, so it can become that of an input that nobody wrote yet. */
static bool may_share_grad(const struct plan *plan, const struct op *op)
{
    int j = op->share_grad;
    return j >= 0 && op->wants_grad[j] && !op->accumulate[j] && op->in[0] != op->in[1] &&
           plan->values[op->in[j]].bytes == plan->values[op->out].bytes;
}

static void span_gradients(struct placing *placing)
{
    struct plan *plan = placing->plan;
    placing->grad[plan->logits] =
        span_add(placing, plan->values[plan->logits].bytes, plan->op_count, plan->op_count);
    for (int i = plan->op_count - 1; i >= 0; i--) {
        struct op *op = &plan->ops[i];
        int time = backward_time(plan, i), out = placing->grad[op->out];
        if (out < 0) /* nobody wants to know */
            continue;
        span_extend(&placing->spans[out], time);
        op->grad_shared = may_share_grad(plan, op);
        for (int j = 0; j < OP_INPUTS; j++) {
            if (!op->wants_grad[j] || op->accumulate[j])
                continue;
            placing->grad[op->in[j]] = op->grad_shared && j == op->share_grad
                                           ? out
                                           : span_add(placing, plan->values[op->in[j]].bytes, time, time);
        }
        placing->scratch_backward[i] = span_add(placing, op->scratch_backward, time, time);
        placing->saved[i] = span_add(placing, op->saved, i, time);
    }
}

static size_t offset_of(const struct placing *placing, int span)
{
    return span >= 0 ? placing->spans[span].offset : SIZE_MAX;
}

int plan_place(struct plan *plan, struct err *err)
{
    size_t values = (size_t)plan->value_count, ops = (size_t)plan->op_count;
    int *indices = malloc((5 * values + 3 * ops) * sizeof *indices);
    struct placing placing = { .plan = plan, .spans = calloc(2 * values + 3 * ops, sizeof(struct span)) };
    int status = -1;
    plan->remakes = calloc(ops, sizeof *plan->remakes);
    if (!indices || !placing.spans || !plan->remakes) {
        err_set(err, "out of memory for a plan");
        goto out;
    }
    for (size_t i = 0; i < 5 * values + 3 * ops; i++)
        indices[i] = -1;
    placing.data = indices;
    placing.grad = placing.data + values;
    placing.forward_end = placing.grad + values;
    placing.backward_start = placing.forward_end + values;
    placing.data_end = placing.backward_start + values;
    placing.saved = placing.data_end + values;
    placing.scratch_forward = placing.saved + ops;
    placing.scratch_backward = placing.scratch_forward + ops;

    find_reads(&placing);
    time_remakes(&placing);
    span_data(&placing);
    if (plan->spec.mode != PLAN_EVAL)
        span_gradients(&placing);
    if ((plan->arena_bytes = arena_layout(placing.spans, placing.span_count)) == SIZE_MAX) {
        err_set(err, "out of memory for a plan");
        goto out;
    }
    for (size_t i = 0; i < values; i++) {
        plan->values[i].data = offset_of(&placing, placing.data[i]);
        plan->values[i].grad = offset_of(&placing, placing.grad[i]);
    }
    for (size_t i = 0; i < ops; i++) {
        plan->ops[i].saved_at = offset_of(&placing, placing.saved[i]);
        plan->ops[i].scratch_forward_at = offset_of(&placing, placing.scratch_forward[i]);
        plan->ops[i].scratch_backward_at = offset_of(&placing, placing.scratch_backward[i]);
    }
    status = arena_reserve(plan->arena, plan->arena_bytes, err);
out:
    free(placing.spans);
    free(indices);
    return status;
}
