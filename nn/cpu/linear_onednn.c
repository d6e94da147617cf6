/* Fully connected layers on (N, C, 1, 1) by oneDNN. Weights and their gradient stay canonical: the layer is small, and
 * packing it each step would cost more than it saves. */
#include "nn/cpu/onednn/linear.h"

#include "accumulate.h"
#include "ops.h"
#include "sizes.h"

static int find_layouts(const struct plan *plan, const struct op *op, struct linear_layouts *layouts, struct err *err)
{
    const struct value *in = op_input(plan, op, IN_DATA), *out = op_result(plan, op);
    const int64_t outputs = out->c;
    if (layout_dense(&layouts->src, in->type, 2, (int64_t[]){ in->n, in->c }, err) ||
        layout_dense(&layouts->weights, VALUE_FLOAT32, 2, (int64_t[]){ out->c, in->c }, err) ||
        layout_dense(&layouts->bias, VALUE_FLOAT32, 1, &outputs, err))
        return -1;
    return layout_dense(&layouts->dst, out->type, 2, (int64_t[]){ out->n, out->c }, err);
}

static int prepare_backward(const struct plan *plan, struct op *op, const struct linear_layouts *layouts,
                            struct err *err)
{
    const struct layer *layer = op_layer(op);
    struct primitive *weights = primitive_of(op, PASS_BACKWARD_WEIGHTS), *data = primitive_of(op, PASS_BACKWARD_DATA);
    if (linear_init(plan, op, PASS_BACKWARD_WEIGHTS, layouts, err) ||
        (op->wants_grad[IN_DATA] && linear_init(plan, op, PASS_BACKWARD_DATA, layouts, err)))
        return -1;
    const struct argument weight_args[] = {
        { ARG_SRC, &layouts->src, AT_DATA(op->in[IN_DATA]) },
        { ARG_DIFF_DST, &layouts->dst, AT_GRAD(op->out[OUT_RESULT]) },
        { ARG_DIFF_WEIGHTS, &layouts->weights, AT_PARAM_GRAD(layer->weight) },
        { ARG_DIFF_BIAS, &layouts->bias, AT_PARAM_GRAD(layer->bias) },
    };
    const struct argument data_args[] = {
        { ARG_DIFF_DST, &layouts->dst, AT_GRAD(op->out[OUT_RESULT]) },
        { ARG_WEIGHTS, &layouts->weights, AT_PARAM(layer->weight) },
        { ARG_DIFF_SRC, &layouts->src, accumulate_target(op, data->scratchpad) },
    };
    op->keep_in[IN_DATA] = true;
    op->scratch_backward = larger(weights->scratchpad, data->scratchpad + accumulate_bytes(plan, op));
    if (primitive_args(weights, plan, weight_args, sizeof weight_args / sizeof *weight_args, err))
        return -1;
    return data->handle ? primitive_args(data, plan, data_args, sizeof data_args / sizeof *data_args, err) : 0;
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    struct linear_layouts layouts;
    if (!op_state_new(op, sizeof(struct primitives), err) || find_layouts(plan, op, &layouts, err) ||
        linear_init(plan, op, PASS_FORWARD, &layouts, err))
        return -1;
    struct primitive *forward = primitive_of(op, PASS_FORWARD);
    const struct argument args[] = {
        { ARG_SRC, &layouts.src, AT_DATA(op->in[IN_DATA]) },
        { ARG_WEIGHTS, &layouts.weights, AT_PARAM(op_layer(op)->weight) },
        { ARG_BIAS, &layouts.bias, AT_PARAM(op_layer(op)->bias) },
        { ARG_DST, &layouts.dst, AT_DATA(op->out[OUT_RESULT]) },
    };
    op->scratch_forward = forward->scratchpad;
    if (primitive_args(forward, plan, args, sizeof args / sizeof *args, err))
        return -1;
    return op->trains ? prepare_backward(plan, op, &layouts, err) : 0;
}

static int backward(struct plan *plan, struct op *op, struct err *err)
{
    if (primitive_run(primitive_of(op, PASS_BACKWARD_WEIGHTS), plan, err))
        return -1;
    return accumulate_backward(plan, op, err);
}

const struct op_functions cpu_linear = {
    .canonical = true,
    .prepare = prepare,
    .bind = primitives_bind,
    .forward = primitives_forward,
    .backward = backward,
    .release = primitives_release,
};
