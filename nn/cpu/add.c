/* The sum of two values with the ReLU behind it: loops over memory of one layout, for which a library's primitive would
 * only add calls. Padding is 0 and stays 0. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/cpu/onednn/primitive.h"

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

/* The second summand is brought into the first one's layout by way of scratch where they differ, its gradient back. */
struct add_state {
    struct primitive there, back;
    size_t bytes;
};

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct add_state *state = op->state = calloc(1, sizeof *state);
    struct layout first, second;
    if (!state)
        return err_set(err, "out of memory for a plan");
    if (layout_of_value(plan, op->in[IN_DATA], &first, err) ||
        layout_of_value(plan, op->in[IN_RESIDUAL], &second, err) ||
        layout_to_value(plan, op->out[OUT_RESULT], &first, err))
        return -1;
    op->keep_out = op->stages[0].activation == ACTIVATION_RELU;
    op->share_data = IN_DATA;
    if (layout_equal(&first, &second)) {
        op->share_grad = IN_DATA;
        return 0;
    }
    state->bytes = ALIGN_64(layout_bytes(&first));
    op->scratch_forward = state->bytes;
    op->scratch_backward = state->bytes + ALIGN_64(layout_bytes(&second));
    return reorder_init(&state->there, onednn_of(plan), &second, &first, err) ||
                   reorder_init(&state->back, onednn_of(plan), &first, &second, err)
               ? -1
               : 0;
}

static int bind(struct plan *plan, struct op *op, struct err *err)
{
    struct add_state *state = op->state;
    char *scratch = op_scratch_backward(plan, op);
    void *to =
        op->accumulate[IN_RESIDUAL] && scratch ? scratch + state->bytes : (void *)op_input_grad(plan, op, IN_RESIDUAL);
    return primitive_bind(&state->there, DNNL_ARG_FROM, op_input_data(plan, op, IN_RESIDUAL), err) ||
                   primitive_bind(&state->there, DNNL_ARG_TO, op_scratch_forward(plan, op), err) ||
                   primitive_bind(&state->back, DNNL_ARG_FROM, scratch, err) ||
                   primitive_bind(&state->back, DNNL_ARG_TO, to, err)
               ? -1
               : 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    struct add_state *state = op->state;
    if (primitive_run(&state->there, onednn_of(plan), err))
        return -1;
    const float *a = op_input_data(plan, op, IN_DATA);
    const float *b = state->bytes ? op_scratch_forward(plan, op) : op_input_data(plan, op, IN_RESIDUAL);
    float *out = op_result_data(plan, op), least = op->stages[0].activation == ACTIVATION_RELU ? 0 : -INFINITY;
    size_t count = op_result(plan, op)->bytes / sizeof *out;
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

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    struct add_state *state = op->state;
    const float *out = op->stages[0].activation == ACTIVATION_RELU ? op_result_data(plan, op) : NULL;
    float *dout = op_result_grad(plan, op), *da = op_input_grad(plan, op, IN_DATA),
          *db = op_input_grad(plan, op, IN_RESIDUAL);
    size_t count = op_result(plan, op)->bytes / sizeof *dout;
    if (state->bytes) {
        float *scratch = op_scratch_backward(plan, op);
        if (op->wants_grad[IN_RESIDUAL]) {
            pass(scratch, dout, out, count, false);
            if (primitive_run(&state->back, onednn_of(plan), err))
                return -1;
            if (op->accumulate[IN_RESIDUAL])
                add_into(db, scratch + state->bytes / sizeof *scratch, op_input(plan, op, IN_RESIDUAL)->bytes);
        }
        if (op->wants_grad[IN_DATA])
            pass(da, dout, out, count, op->accumulate[IN_DATA]);
        return 0;
    }
    if (out && op->wants_grad[IN_DATA] && op->wants_grad[IN_RESIDUAL] && !op->accumulate[IN_DATA] &&
        !op->accumulate[IN_RESIDUAL]) {
        split(da, db, dout, out, count);
        return 0;
    }
    /* What lies where dout does is written last; a value summed with itself is written before it is added to. */
    for (int i = 0; i < 2; i++) {
        int j = op->grad_shared ? !i : i;
        if (op->wants_grad[j])
            pass(j ? db : da, dout, out, count, op->accumulate[j]);
    }
    return 0;
}

static void release(struct op *op)
{
    struct add_state *state = op->state;
    if (!state)
        return;
    primitive_release(&state->there);
    primitive_release(&state->back);
    free(state);
    op->state = NULL;
}

const struct op_functions cpu_add = {
    .prepare = prepare,
    .bind = bind,
    .forward = forward,
    .backward = backward,
    .release = release,
};
