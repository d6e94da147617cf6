/* The fully connected layer of a single image in evaluation: a matrix times a vector, by loops of ours. */
#include "nn/cpu/kernels/kernels.h"
#include "ops.h"

#define JOB_OUTPUTS 32

static const struct gemv_kernels *kernels(void)
{
    return kernels_up_to(ISA_BEST)->gemv;
}

bool linear_gemv_supports(const struct plan *plan, const struct op *op)
{
    return op_input(plan, op, IN_DATA)->n == 1 && kernels();
}

static int prepare(struct plan *plan, struct op *op, struct err *err)
{
    (void)plan, (void)err;
    op_set_implementation(op, kernels()->name);
    return 0;
}

static int forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct layer *layer = op_layer(op);
    const struct gemv_kernels *gemv = kernels();
    const float *weights = param_value(plan, layer->weight), *bias = param_value(plan, layer->bias);
    const float *in = op_input_data(plan, op, IN_DATA);
    size_t inputs = (size_t)layer->inputs, outputs = (size_t)layer->channels;
    float *out = op_result_data(plan, op);
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < outputs; first += JOB_OUTPUTS)
        gemv->run(weights, inputs, in, bias, first, first + JOB_OUTPUTS < outputs ? first + JOB_OUTPUTS : outputs, out);
    return 0;
}

const struct op_functions cpu_linear_gemv = {
    .canonical = true,
    .prepare = prepare,
    .forward = forward,
};
