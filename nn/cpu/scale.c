/* Squeeze-and-excitation's scale, in the layout of what is scaled. The factors are brought into the same layout by way
 * of scratch where theirs differs, and their gradient back. */
#include <string.h>

#include "accumulate.h"
#include "input_copy.h"
#include "ops.h"
#include "sizes.h"

struct scale_state {
    struct primitives primitives;
    struct strips strips;
    struct input_copy factors, factors_again; /* for forward and for backward */
    struct primitive dfactors;                /* to the factors' layout; empty where that is this one */
    size_t dfactors_at, given_at;             /* in the backward scratch: as they are made, and in that layout */
};

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct scale_state *state = op_state_new(op, sizeof *state, err);
    const struct value *in = op_input(plan, op, IN_DATA), *factors = op_input(plan, op, IN_SCALE);
    struct reorder back = { .source = { REGION_BACKWARD }, .target = { REGION_BACKWARD } };
    struct layout data;
    if (!state || layout_of_value(plan, op->in[IN_DATA], &data, err) ||
        layout_to_value(plan, op->out[OUT_RESULT], &data, err) || layout_strips(&data, in, &state->strips, err) ||
        layout_of_value(plan, op->in[IN_SCALE], &back.to, err) || layout_alike(&back.from, &data, in, factors, err) ||
        input_copy_init(&state->factors, plan, op, IN_SCALE, &back.from, AT_OFFSET(REGION_FORWARD, 0), err) ||
        input_copy_init(&state->factors_again, plan, op, IN_SCALE, &back.from, AT_OFFSET(REGION_BACKWARD, 0), err))
        return -1;
    op->keep_in[IN_DATA] = op->keep_in[IN_SCALE] = true;
    op->share_grad = IN_DATA;
    op->scratch_forward = state->factors.bytes;
    state->dfactors_at = back.source.offset = state->factors_again.bytes;
    state->given_at = state->dfactors_at;
    if (state->factors.bytes) {
        state->given_at = back.target.offset = state->dfactors_at + layout_room(&back.from);
        if (reorder_init(&state->dfactors, plan, op, &back, err))
            return -1;
    }
    op->scratch_backward = state->given_at + layout_room(&back.to);
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    const struct scale_state *state = op->state;
    const struct strips s = state->strips;
    const float *in = op_input_data(plan, op, IN_DATA), *factors = input_copy_run(&state->factors, plan, op, err);
    float *out = op_result_data(plan, op);
    if (!factors)
        return -1;
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < s.outer; o++)
        for (size_t p = 0; p < s.plane; p++) {
            size_t at = (o * s.plane + p) * s.block;
#pragma omp simd
            for (size_t i = 0; i < s.block; i++)
                out[at + i] = in[at + i] * factors[o * s.block + i];
        }
    return 0;
}

/* din gets or adds dout times the factors; dfactor becomes the sum of dout times in. */
static void strip_backward(const struct strips *s, const float *in, const float *factor, const float *dout, float *din,
                           bool accumulate, float *dfactor)
{
    for (size_t i = 0; i < s->block; i++)
        dfactor[i] = 0;
    for (size_t p = 0; p < s->plane; p++) {
        size_t at = p * s->block;
#pragma omp simd
        for (size_t i = 0; i < s->block; i++)
            dfactor[i] += dout[at + i] * in[at + i];
        if (!din)
            continue;
        if (accumulate) {
#pragma omp simd
            for (size_t i = 0; i < s->block; i++)
                din[at + i] += dout[at + i] * factor[i];
        } else {
#pragma omp simd
            for (size_t i = 0; i < s->block; i++)
                din[at + i] = dout[at + i] * factor[i];
        }
    }
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    const struct scale_state *state = op->state;
    const struct strips s = state->strips;
    char *scratch = op_scratch_backward(plan, op);
    const float *in = op_input_data(plan, op, IN_DATA), *dout = op_result_grad(plan, op);
    const float *factors = input_copy_run(&state->factors_again, plan, op, err);
    float *din = op->wants_grad[IN_DATA] ? op_input_grad(plan, op, IN_DATA) : NULL;
    float *dfactors = behind(scratch, state->dfactors_at);
    if (!factors)
        return -1;
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < s.outer; o++) {
        size_t at = o * s.plane * s.block;
        strip_backward(&s, in + at, factors + o * s.block, dout + at, din ? din + at : NULL, op->accumulate[IN_DATA],
                       dfactors + o * s.block);
    }
    if (!op->wants_grad[IN_SCALE])
        return 0;
    if (primitive_run(&state->dfactors, plan, err))
        return -1;
    const float *given = behind(scratch, state->given_at);
    size_t bytes = op_input(plan, op, IN_SCALE)->bytes;
    if (op->accumulate[IN_SCALE])
        add_into(op_input_grad(plan, op, IN_SCALE), given, bytes);
    else
        memcpy(op_input_grad(plan, op, IN_SCALE), given, bytes);
    return 0;
}

const struct op_functions cpu_scale = {
    .prepare = prepare,
    .bind = primitives_bind,
    .forward = forward,
    .backward = backward,
    .recompute = forward,
    .release = primitives_release,
};
