/* Liveness: when each value, gradient, saved and scratch buffer of a plan is needed, and which may share memory.
 *
 * Time runs 0, 1, … K-1 through the forward ops, K is the loss, and the backward of op i is at 2K - i. A value's data
 * lives from its op to its last reader, forward or backward; a gradient from the first consumer's backward to that of
 * the op that made the value. What is recomputed is not needed from its last reader in forward to its first in
 * backward. */
#include <stdlib.h>

#include "memory_plan.h"

#include <assert.h>

struct memory_planning {
    struct plan *plan;
    struct live_range *ranges;
    int range_count;
    int *data, *grad;                             /* by value: index of its range, -1: none */
    int *forward_end, *backward_start, *data_end; /* by value: when its data is last read in forward, first in backward
                                                     (-1: never), last of all */
    int *saved, *scratch_forward, *scratch_backward; /* by op, likewise */
};

static int backward_time(const struct plan *plan, int op)
{
    return 2 * plan->op_count - op;
}

/* -1 for nothing. */
static int range_add(struct memory_planning *planning, size_t bytes, int start, int end)
{
    if (!bytes)
        return -1;
    assert(planning->range_count < 2 * planning->plan->value_count + 3 * planning->plan->op_count);
    planning->ranges[planning->range_count] = (struct live_range){ .bytes = bytes, .start = start, .end = end };
    return planning->range_count++;
}

static void read_in_backward(struct memory_planning *planning, int value, int time)
{
    int *start = &planning->backward_start[value], *end = &planning->data_end[value];
    *start = *start < 0 || time < *start ? time : *start;
    *end = time > *end ? time : *end;
}

static void find_reads(struct memory_planning *planning)
{
    const struct plan *plan = planning->plan;
    for (int i = 0; i < plan->op_count; i++) {
        const struct op *op = &plan->ops[i];
        for (int j = 0; j < OP_INPUTS; j++)
            if (op->in[j] >= 0)
                planning->forward_end[op->in[j]] = planning->data_end[op->in[j]] = i;
    }
    for (int i = 0; i < plan->op_count; i++) {
        const struct op *op = &plan->ops[i];
        for (int j = 0; j < OP_INPUTS; j++)
            if (op->in[j] >= 0 && op->trains && op->keep_in[j])
                read_in_backward(planning, op->in[j], backward_time(plan, i));
        if (op->trains && op->keep_out)
            read_in_backward(planning, op->out[OUT_RESULT], backward_time(plan, i));
    }
    int end = 2 * plan->op_count;
    planning->data_end[plan->input] = end;  /* a step may be repeated without filling it again */
    planning->data_end[plan->logits] = end; /* read after the step */
}

/* From the last op to the first, since what an op recomputes from may have to be recomputed itself, and so earlier. */
static void time_recomputes(struct memory_planning *planning)
{
    struct plan *plan = planning->plan;
    for (int i = plan->op_count - 1; i >= 0; i--) {
        struct op *op = &plan->ops[i];
        int time = planning->backward_start[op->out[OUT_RESULT]];
        op->recompute_at = op->recomputed ? 2 * plan->op_count - time : -1;
        for (int j = 0; j < OP_INPUTS; j++)
            if (op->recomputed && op->in[j] >= 0)
                read_in_backward(planning, op->in[j], time);
    }
    for (int at = plan->op_count - 1; at >= 0; at--)
        for (int i = 0; i < at; i++)
            if (plan->ops[i].recompute_at == at)
                plan->recomputes[plan->recompute_count++] = i;
}

/* Not needed from after `forward` to before `backward`. */
static void range_set_gap(struct live_range *range, int forward, int backward)
{
    if (backward - forward > 1) {
        range->gap_start = forward + 1;
        range->gap_end = backward - 1;
    }
}

static void range_extend(struct live_range *range, int end)
{
    range->end = end > range->end ? end : range->end;
}

/* In place if nobody else needs what is overwritten. */
static bool may_share_data(const struct memory_planning *planning, int at)
{
    const struct plan *plan = planning->plan;
    const struct op *op = &plan->ops[at];
    if (op->share_data < 0)
        return false;
    int in = op->in[op->share_data];
    return in >= 0 && op_readings(op, in) == 1 && planning->data_end[in] == at &&
           plan->values[in].bytes == op_result(plan, op)->bytes;
}

static void plan_data_ranges(struct memory_planning *planning)
{
    struct plan *plan = planning->plan;
    planning->data[plan->input] =
        range_add(planning, plan->values[plan->input].bytes, 0, planning->data_end[plan->input]);
    for (int i = 0; i < plan->op_count; i++) {
        struct op *op = &plan->ops[i];
        op->data_shared = may_share_data(planning, i);
        for (int j = 0; j < OP_OUTPUTS; j++) {
            int out = op->out[j];
            if (out < 0)
                continue;
            int end = planning->data_end[out] > i ? planning->data_end[out] : i;
            if (j == OUT_RESULT && op->data_shared) {
                planning->data[out] = planning->data[op->in[op->share_data]];
                range_extend(&planning->ranges[planning->data[out]], end);
            } else {
                planning->data[out] = range_add(planning, plan->values[out].bytes, i, end);
            }
        }
        int recomputed = op->recomputed ? backward_time(plan, op->recompute_at) : i;
        planning->scratch_forward[i] = range_add(planning, op->scratch_forward, i, recomputed);
        if (op->recomputed) {
            int out = op->out[OUT_RESULT];
            range_set_gap(&planning->ranges[planning->data[out]], planning->forward_end[out], recomputed);
            if (op->scratch_forward)
                range_set_gap(&planning->ranges[planning->scratch_forward[i]], i, recomputed);
        }
    }
}

/* The gradient of an op's output dies with its backward, so it can become that of an input that nobody wrote yet. */
static bool may_share_grad(const struct plan *plan, const struct op *op)
{
    int j = op->share_grad;
    return j >= 0 && op->wants_grad[j] && !op->accumulate[j] && op_readings(op, op->in[j]) == 1 &&
           op_input(plan, op, j)->bytes == op_result(plan, op)->bytes;
}

static void plan_grad_ranges(struct memory_planning *planning)
{
    struct plan *plan = planning->plan;
    planning->grad[plan->logits] =
        range_add(planning, plan->values[plan->logits].bytes, plan->op_count, plan->op_count);
    for (int i = plan->op_count - 1; i >= 0; i--) {
        struct op *op = &plan->ops[i];
        int time = backward_time(plan, i), out = planning->grad[op->out[OUT_RESULT]];
        if (out < 0) /* nobody wants to know */
            continue;
        range_extend(&planning->ranges[out], time);
        op->grad_shared = may_share_grad(plan, op);
        for (int j = 0; j < OP_INPUTS; j++) {
            assert(!op->accumulate[j] || planning->grad[op->in[j]] >= 0); /* what it adds to is there */
            if (!op->wants_grad[j] || op->accumulate[j])
                continue;
            planning->grad[op->in[j]] = op->grad_shared && j == op->share_grad
                                            ? out
                                            : range_add(planning, op_input(plan, op, j)->bytes, time, time);
        }
        planning->scratch_backward[i] = range_add(planning, op->scratch_backward, time, time);
        planning->saved[i] = range_add(planning, op->saved, i, time);
    }
}

static size_t offset_of(const struct memory_planning *planning, int range)
{
    return range >= 0 ? planning->ranges[range].offset : SIZE_MAX;
}

int memory_plan(struct plan *plan, struct err *err)
{
    size_t values = (size_t)plan->value_count, ops = (size_t)plan->op_count;
    int *indices = malloc((5 * values + 3 * ops) * sizeof *indices);
    struct memory_planning planning = { .plan = plan,
                                        .ranges = calloc(2 * values + 3 * ops, sizeof(struct live_range)) };
    int status = -1;
    plan->recomputes = calloc(ops, sizeof *plan->recomputes);
    if (!indices || !planning.ranges || !plan->recomputes) {
        err_set(err, "out of memory for a plan");
        goto out;
    }
    for (size_t i = 0; i < 5 * values + 3 * ops; i++)
        indices[i] = -1;
    planning.data = indices;
    planning.grad = planning.data + values;
    planning.forward_end = planning.grad + values;
    planning.backward_start = planning.forward_end + values;
    planning.data_end = planning.backward_start + values;
    planning.saved = planning.data_end + values;
    planning.scratch_forward = planning.saved + ops;
    planning.scratch_backward = planning.scratch_forward + ops;

    find_reads(&planning);
    time_recomputes(&planning);
    plan_data_ranges(&planning);
    if (plan->spec.mode != PLAN_EVAL)
        plan_grad_ranges(&planning);
    if ((plan->arena_bytes = arena_layout(planning.ranges, planning.range_count)) == SIZE_MAX) {
        err_set(err, "out of memory for a plan");
        goto out;
    }
    for (size_t i = 0; i < values; i++) {
        plan->values[i].data = offset_of(&planning, planning.data[i]);
        plan->values[i].grad = offset_of(&planning, planning.grad[i]);
    }
    for (size_t i = 0; i < ops; i++) {
        plan->ops[i].saved_at = offset_of(&planning, planning.saved[i]);
        plan->ops[i].scratch_forward_at = offset_of(&planning, planning.scratch_forward[i]);
        plan->ops[i].scratch_backward_at = offset_of(&planning, planning.scratch_backward[i]);
    }
    status = arena_reserve(plan->arena, plan->arena_bytes, err);
out:
    free(planning.ranges);
    free(indices);
    return status;
}
