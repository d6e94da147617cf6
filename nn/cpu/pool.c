/* Max pooling (its workspace remembers where each maximum came from) and the average over the whole plane, whose
 * gradient is the same for all pixels of a plane: loops add that where a primitive would write it out first. */
#include "nn/cpu/onednn/pool.h"

#include "accumulate.h"
#include "ops.h"

static int prepare_forward(struct plan *plan, struct op *op, const struct layout *src, struct layout *dst,
                           struct err *err)
{
    const struct argument args[] = {
        { ARG_SRC, src, AT_DATA(op->in[IN_DATA]) },
        { ARG_DST, dst, AT_DATA(op->out[OUT_RESULT]) },
    };
    struct primitive *forward = primitive_of(op, PASS_FORWARD);
    if (pool_init(plan, op, PASS_FORWARD, src, dst, err) || primitive_args(forward, plan, args, 2, err))
        return -1;
    op->scratch_forward = forward->scratchpad;
    return layout_to_value(plan, op->out[OUT_RESULT], dst, err);
}

static int max_prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct layout src, dst;
    if (!op_state_new(op, sizeof(struct primitives), err) || layout_of_value(plan, op->in[IN_DATA], &src, err) ||
        layout_any(&dst, op_result(plan, op)->type, 4, VALUE_DIMS(op_result(plan, op)), err) ||
        prepare_forward(plan, op, &src, &dst, err))
        return -1;
    if (!op->trains || !op->wants_grad[IN_DATA])
        return 0;
    struct primitive *backward = primitive_of(op, PASS_BACKWARD_DATA);
    if (pool_init(plan, op, PASS_BACKWARD_DATA, &src, &dst, err))
        return -1;
    const struct argument args[] = {
        { ARG_DIFF_DST, &dst, AT_GRAD(op->out[OUT_RESULT]) },
        { ARG_DIFF_SRC, &src, accumulate_target(op, backward->scratchpad) },
    };
    op->scratch_backward = backward->scratchpad + accumulate_bytes(plan, op);
    return primitive_args(backward, plan, args, 2, err);
}

struct average_state {
    struct primitives primitives;
    struct strips strips; /* of the input; those of the output are single pixels */
};

static int average_prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct average_state *state = op_state_new(op, sizeof *state, err);
    const struct value *in = op_input(plan, op, IN_DATA);
    struct layout src, dst;
    if (!state || layout_of_value(plan, op->in[IN_DATA], &src, err) || layout_strips(&src, in, &state->strips, err) ||
        layout_alike(&dst, &src, in, op_result(plan, op), err))
        return -1;
    return prepare_forward(plan, op, &src, &dst, err);
}

/* Each pixel's part of the average. */
static int average_backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct strips s = ((const struct average_state *)op->state)->strips;
    const float *dout = op_result_grad(plan, op), part = 1 / (float)s.plane;
    float *din = op_input_grad(plan, op, IN_DATA);
    if (!op->wants_grad[IN_DATA])
        return 0;
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < s.outer; o++)
        for (size_t p = 0; p < s.plane; p++) {
            float *to = din + (o * s.plane + p) * s.block;
            const float *gradient = dout + o * s.block;
            if (op->accumulate[IN_DATA]) {
#pragma omp simd
                for (size_t i = 0; i < s.block; i++)
                    to[i] += gradient[i] * part;
            } else {
#pragma omp simd
                for (size_t i = 0; i < s.block; i++)
                    to[i] = gradient[i] * part;
            }
        }
    return 0;
}

const struct op_functions cpu_max_pool = {
    .prepare = max_prepare,
    .bind = primitives_bind,
    .forward = primitives_forward,
    .backward = accumulate_backward,
    .release = primitives_release,
};

const struct op_functions cpu_global_avg_pool = {
    .prepare = average_prepare,
    .bind = primitives_bind,
    .forward = primitives_forward,
    .backward = average_backward,
    .release = primitives_release,
};
