/* Activations that no other op took in: ReLU and ReLU6 as loops over memory, SiLU and the sigmoid by oneDNN. */
#include <math.h>

#include "accumulate.h"
#include "nn/cpu/onednn/eltwise.h"
#include "nn/ops/ops.h"
#include "ops.h"

/* As the reference's but that the result has the input's layout. */
static int prepare_layout(struct plan *plan, struct op *op, struct layout *layout, struct err *err)
{
    if (reference_activation.prepare(plan, op, err) || layout_of_value(plan, op->in[IN_DATA], layout, err))
        return -1;
    return layout_to_value(plan, op->out[OUT_RESULT], layout, err);
}

static int relu_prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct layout layout;
    return prepare_layout(plan, op, &layout, err);
}

static float limit_of(const struct op *op)
{
    return op->stages[0].activation == ACTIVATION_RELU6 ? 6 : INFINITY;
}

static int relu_forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const float *in = op_input_data(plan, op, IN_DATA);
    float *out = op_result_data(plan, op), limit = limit_of(op);
    size_t count = op_result(plan, op)->bytes / sizeof *out;
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++) {
        float positive = in[i] < 0 ? 0 : in[i]; /* keeps NaN */
        out[i] = positive > limit ? limit : positive;
    }
    return 0;
}

static int relu_backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    float *din = op_input_grad(plan, op, IN_DATA), limit = limit_of(op);
    const float *dout = op_result_grad(plan, op), *out = op_result_data(plan, op);
    size_t count = op_result(plan, op)->bytes / sizeof *dout;
    if (!op->wants_grad[IN_DATA])
        return 0;
    if (op->accumulate[IN_DATA]) {
#pragma omp parallel for simd schedule(static)
        for (size_t i = 0; i < count; i++)
            din[i] += out[i] > 0 && out[i] < limit ? dout[i] : 0;
    } else {
#pragma omp parallel for simd schedule(static)
        for (size_t i = 0; i < count; i++)
            din[i] = out[i] > 0 && out[i] < limit ? dout[i] : 0;
    }
    return 0;
}

static int eltwise_prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct layout layout;
    if (!op_state_new(op, sizeof(struct primitives), err) || prepare_layout(plan, op, &layout, err) ||
        eltwise_init(plan, op, PASS_FORWARD, &layout, err))
        return -1;
    struct primitive *forward = primitive_of(op, PASS_FORWARD), *backward = primitive_of(op, PASS_BACKWARD_DATA);
    const struct argument args[] = {
        { ARG_SRC, &layout, AT_DATA(op->in[IN_DATA]) },
        { ARG_DST, &layout, AT_DATA(op->out[OUT_RESULT]) },
    };
    op->scratch_forward = forward->scratchpad;
    if (primitive_args(forward, plan, args, 2, err))
        return -1;
    if (!op->trains || !op->wants_grad[IN_DATA])
        return 0;
    if (eltwise_init(plan, op, PASS_BACKWARD_DATA, &layout, err))
        return -1;
    const struct argument backward_args[] = {
        op->keep_out ? args[1] : args[0],
        { ARG_DIFF_DST, &layout, AT_GRAD(op->out[OUT_RESULT]) },
        { ARG_DIFF_SRC, &layout, accumulate_target(op, backward->scratchpad) },
    };
    op->scratch_backward = backward->scratchpad + accumulate_bytes(plan, op);
    return primitive_args(backward, plan, backward_args, 3, err);
}

const struct op_functions cpu_relu = {
    .prepare = relu_prepare,
    .forward = relu_forward,
    .backward = relu_backward,
};

const struct op_functions cpu_eltwise = {
    .prepare = eltwise_prepare,
    .bind = primitives_bind,
    .forward = primitives_forward,
    .backward = accumulate_backward,
    .release = primitives_release,
};
