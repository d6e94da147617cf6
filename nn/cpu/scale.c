/* Squeeze-and-excitation's scale, in the layout of what is scaled. The factors are brought into the same layout by way
 * of scratch where theirs differs, and their gradient back. */
#include <stdlib.h>
#include <string.h>

#include "nn/cpu/onednn/primitive.h"

struct scale_state {
    struct strips strips;
    struct primitive there, back; /* of the factors; unused where the layouts agree */
    bool reorders;
    size_t bytes; /* of the factors in this layout */
};

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct scale_state *state = op->state = calloc(1, sizeof *state);
    const struct value *in = op_input(plan, op, IN_DATA);
    const int64_t factors[] = { in->n, in->c, 1, 1 };
    struct layout data, given, wanted;
    if (!state)
        return err_set(err, "out of memory for a plan");
    if (layout_of_value(plan, op->in[IN_DATA], &data, err) || layout_to_value(plan, op->out[OUT_RESULT], &data, err) ||
        layout_strips(&data, in, &state->strips, err) || layout_of_value(plan, op->in[IN_SCALE], &given, err) ||
        layout_alike(&wanted, &data, in, factors, err))
        return -1;
    op->keep_in[IN_DATA] = op->keep_in[IN_SCALE] = true;
    op->share_grad = IN_DATA;
    state->bytes = ALIGN_64(layout_bytes(&wanted));
    state->reorders = !layout_equal(&given, &wanted);
    /* Backward: the factors, their gradient here, and there. */
    op->scratch_backward = 2 * state->bytes + ALIGN_64(layout_bytes(&given));
    if (!state->reorders)
        return 0;
    op->scratch_forward = state->bytes;
    return reorder_init(&state->there, onednn_of(plan), &given, &wanted, err) ||
                   reorder_init(&state->back, onednn_of(plan), &wanted, &given, err)
               ? -1
               : 0;
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct scale_state *state = op->state;
    void *scratch = op_scratch_backward(plan, op);
    return primitive_bind(&state->there, DNNL_ARG_FROM, op_input_data(plan, op, IN_SCALE), err) ||
                   primitive_bind(&state->back, DNNL_ARG_FROM, behind(scratch, state->bytes), err) ||
                   primitive_bind(&state->back, DNNL_ARG_TO, behind(scratch, 2 * state->bytes), err)
               ? -1
               : 0;
}

/* The factors in this layout. */
static const float *factors_in(struct plan *plan, struct op *op, void *scratch, struct err *err)
{
    struct scale_state *state = op->state;
    if (!state->reorders)
        return op_input_data(plan, op, IN_SCALE);
    return primitive_bind(&state->there, DNNL_ARG_TO, scratch, err) ||
                   primitive_run(&state->there, onednn_of(plan), err)
               ? NULL
               : scratch;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    const struct scale_state *state = op->state;
    const struct strips s = state->strips;
    const float *in = op_input_data(plan, op, IN_DATA),
                *factors = factors_in(plan, op, op_scratch_forward(plan, op), err);
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
    const float *in = op_input_data(plan, op, IN_DATA), *factors = factors_in(plan, op, scratch, err);
    const float *dout = op_result_grad(plan, op);
    float *din = op->wants_grad[IN_DATA] ? op_input_grad(plan, op, IN_DATA) : NULL,
          *dfactors = behind(scratch, state->bytes);
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
    if (state->reorders) {
        if (primitive_run(&state->back, onednn_of(plan), err))
            return -1;
        dfactors = behind(scratch, 2 * state->bytes);
    }
    if (op->accumulate[IN_SCALE])
        add_into(op_input_grad(plan, op, IN_SCALE), dfactors, op_input(plan, op, IN_SCALE)->bytes);
    else
        memcpy(op_input_grad(plan, op, IN_SCALE), dfactors, op_input(plan, op, IN_SCALE)->bytes);
    return 0;
}

static void release(struct op *op)
{
    struct scale_state *state = op->state;
    if (!state)
        return;
    primitive_release(&state->there);
    primitive_release(&state->back);
    free(state);
    op->state = NULL;
}

const struct op_functions cpu_scale = {
    .prepare = prepare,
    .bind = bind,
    .forward = forward,
    .backward = backward,
    .recompute = forward,
    .release = release,
};
