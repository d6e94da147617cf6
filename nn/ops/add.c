/* The sum of two values, in place of the first where nobody else needs that. */

#include "ops.h"

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    op->share_data = IN_DATA;
    op->share_grad = IN_DATA;
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const float *a = op_input_data(plan, op, IN_DATA), *b = op_input_data(plan, op, IN_RESIDUAL);
    float *out = op_result_data(plan, op);
    size_t count = value_count(op_result(plan, op));
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++)
        out[i] = a[i] + b[i];
    return 0;
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const float *dout = op_result_grad(plan, op);
    size_t count = value_count(op_result(plan, op));
    for (int j = 0; j < OP_INPUTS; j++) {
        if (!op->wants_grad[j] || (op->grad_shared && j == op->share_grad))
            continue; /* shared: it is there already */
        float *din = op_input_grad(plan, op, j);
        bool accumulate = op->accumulate[j];
#pragma omp parallel for schedule(static)
        for (size_t i = 0; i < count; i++)
            din[i] = accumulate ? din[i] + dout[i] : dout[i];
    }
    return 0;
}

const struct op_functions reference_add = {
    .canonical = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
