/* The sum of two values with the ReLU behind it: loops over memory of one layout, for which a library's primitive would
 * only add calls. Padding is 0 and stays 0. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "accumulate.h"
#include "input_copy.h"
#include "ops.h"

/* Of a sum behind ReLU: both are read whatever they are, so that the compiler makes no branch of it. */
static inline float masked(float dout, float out)
{
    return out > 0 ? dout : 0;
}

/* din = dout where out is positive, else 0; added to what is there where another consumer wrote first. */
static void mask(float *din, const float *dout, const float *out, size_t count, bool accumulate)
{
    if (accumulate) {
#pragma omp parallel for simd schedule(static)
        for (size_t i = 0; i < count; i++)
            din[i] += masked(dout[i], out[i]);
    } else {
#pragma omp parallel for simd schedule(static)
        for (size_t i = 0; i < count; i++)
            din[i] = masked(dout[i], out[i]);
    }
}

/* The residual is brought into the data's layout by way of scratch where they differ, its gradient back. */
struct add_state {
    struct primitives primitives;
    struct input_copy residual;
    struct primitive dresidual;
    size_t added_at; /* in the backward scratch: the residual's gradient where that is added */
};

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct add_state *state = op_state_new(op, sizeof *state, err);
    struct reorder back = { .source = { REGION_BACKWARD }, .target = AT_GRAD(op->in[IN_RESIDUAL]) };
    if (!state || layout_of_value(plan, op->in[IN_DATA], &back.from, err) ||
        layout_of_value(plan, op->in[IN_RESIDUAL], &back.to, err) ||
        layout_to_value(plan, op->out[OUT_RESULT], &back.from, err) ||
        input_copy_init(&state->residual, plan, op, IN_RESIDUAL, &back.from, AT_OFFSET(REGION_FORWARD, 0), err))
        return -1;
    op->keep_out = op->stages[0].activation == ACTIVATION_RELU;
    op->share_data = IN_DATA;
    if (!state->residual.bytes) {
        op->share_grad = IN_DATA;
        return 0;
    }
    op->scratch_forward = state->residual.bytes;
    state->added_at = state->residual.bytes;
    op->scratch_backward = state->added_at + layout_room(&back.to);
    if (op->accumulate[IN_RESIDUAL])
        back.target = AT_OFFSET(REGION_BACKWARD, state->added_at);
    return reorder_init(&state->dresidual, plan, op, &back, err);
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    const struct add_state *state = op->state;
    const float *a = op_input_data(plan, op, IN_DATA), *b = input_copy_run(&state->residual, plan, op, err);
    float *out = op_result_data(plan, op), least = op->stages[0].activation == ACTIVATION_RELU ? 0 : -INFINITY;
    size_t count = op_result(plan, op)->bytes / sizeof *out;
    if (!b)
        return -1;
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++)
        out[i] = a[i] + b[i] < least ? least : a[i] + b[i];
    return 0;
}

/* One pass for both gradients where they are plain: what is masked once is written twice. */
static void split(float *da, float *db, const float *dout, const float *out, size_t count)
{
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++) {
        float gradient = masked(dout[i], out[i]);
        da[i] = gradient;
        db[i] = gradient;
    }
}

static void pass(float *din, const float *dout, const float *out, size_t count, bool accumulate)
{
    if (out)
        mask(din, dout, out, count, accumulate);
    else if (accumulate)
        add_into(din, dout, count * sizeof *din);
    else if (din != dout)
        memcpy(din, dout, count * sizeof *din);
}

/* The gradients of two layouts. */
static int backward_apart(const struct plan *plan, const struct op *op, const float *out, struct err *err)
{
    const struct add_state *state = op->state;
    const float *dout = op_result_grad(plan, op);
    float *scratch = op_scratch_backward(plan, op), *db = op_input_grad(plan, op, IN_RESIDUAL);
    size_t count = op_result(plan, op)->bytes / sizeof *dout;
    if (op->wants_grad[IN_RESIDUAL]) {
        pass(scratch, dout, out, count, false);
        if (primitive_run(&state->dresidual, plan, err))
            return -1;
        if (op->accumulate[IN_RESIDUAL])
            add_into(db, scratch + state->added_at / sizeof *scratch, op_input(plan, op, IN_RESIDUAL)->bytes);
    }
    if (op->wants_grad[IN_DATA])
        pass(op_input_grad(plan, op, IN_DATA), dout, out, count, op->accumulate[IN_DATA]);
    return 0;
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    const struct add_state *state = op->state;
    const float *out = op->keep_out ? op_result_data(plan, op) : NULL, *dout = op_result_grad(plan, op);
    size_t count = op_result(plan, op)->bytes / sizeof *dout;
    if (state->residual.bytes)
        return backward_apart(plan, op, out, err);
    float *da = op_input_grad(plan, op, IN_DATA), *db = op_input_grad(plan, op, IN_RESIDUAL);
    bool both = op->wants_grad[IN_DATA] && op->wants_grad[IN_RESIDUAL];
    if (out && both && !op->accumulate[IN_DATA] && !op->accumulate[IN_RESIDUAL]) {
        split(da, db, dout, out, count);
        return 0;
    }
    /* What lies where dout does is written last; a value summed with itself is written before it is added to. */
    for (int i = 0; i < 2; i++) {
        enum op_input input = (i == 1) != op->grad_shared ? IN_RESIDUAL : IN_DATA;
        if (op->wants_grad[input])
            pass(input == IN_RESIDUAL ? db : da, dout, out, count, op->accumulate[input]);
    }
    return 0;
}

const struct op_functions cpu_add = {
    .prepare = prepare,
    .bind = primitives_bind,
    .forward = forward,
    .backward = backward,
    .release = primitives_release,
};
