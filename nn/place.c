/* Liveness: when each value, gradient, saved and scratch buffer of a plan is needed, and which may share memory.
 *
 * Time runs 0, 1, … K-1 through the forward ops, K is the loss, and the backward of op i is at 2K - i. A value's data
 * lives from its op to its last reader, forward or backward; a gradient from the first consumer's backward to that of
 * the op that made the value. */
#include "compile.h"

struct placing {
    struct plan *plan;
    struct span *spans;
    int span_count;
    int *data, *grad; /* by value: index of its span, -1: none */
    int *data_end;    /* by value: the last time that its data is read */
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

static void find_data_ends(struct placing *placing)
{
    const struct plan *plan = placing->plan;
    int end = 2 * plan->op_count;
    for (int i = 0; i < plan->op_count; i++) {
        const struct op *op = &plan->ops[i];
        for (int j = 0; j < 2; j++) {
            if (op->in[j] < 0)
                continue;
            int time = op->trains && op->keep_in[j] ? backward_time(plan, i) : i;
            if (time > placing->data_end[op->in[j]])
                placing->data_end[op->in[j]] = time;
        }
        if (op->trains && op->keep_out && backward_time(plan, i) > placing->data_end[op->out])
            placing->data_end[op->out] = backward_time(plan, i);
    }
    placing->data_end[plan->input] = end;  /* a step may be repeated without filling it again */
    placing->data_end[plan->logits] = end; /* read after the step */
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
    return in >= 0 && op->in[!op->share_data] != in && placing->data_end[in] == at &&
           plan->values[in].bytes == plan->values[op->out].bytes;
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
        placing->scratch_forward[i] = span_add(placing, op->scratch_forward, start, start);
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
        for (int j = 0; j < 2; j++) {
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
    int *indices = malloc((3 * values + 3 * ops) * sizeof *indices);
    struct placing placing = { .plan = plan, .spans = calloc(2 * values + 3 * ops, sizeof(struct span)) };
    int status = -1;
    if (!indices || !placing.spans) {
        err_set(err, "out of memory for a plan");
        goto out;
    }
    for (size_t i = 0; i < 3 * values + 3 * ops; i++)
        indices[i] = -1;
    placing.data = indices;
    placing.grad = placing.data + values;
    placing.data_end = placing.grad + values;
    placing.saved = placing.data_end + values;
    placing.scratch_forward = placing.saved + ops;
    placing.scratch_backward = placing.scratch_forward + ops;

    find_data_ends(&placing);
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
