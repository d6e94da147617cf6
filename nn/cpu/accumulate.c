/* See accumulate.h. */
#include "accumulate.h"

#include "sizes.h"

struct location accumulate_target(const struct op *op, size_t offset)
{
    return op->accumulate[IN_DATA] ? AT_OFFSET(REGION_BACKWARD, offset) : AT_GRAD(op->in[IN_DATA]);
}

size_t accumulate_bytes(const struct plan *plan, const struct op *op)
{
    return op->accumulate[IN_DATA] ? arena_align(op_input(plan, op, IN_DATA)->bytes) : 0;
}

void accumulate_run(const struct plan *plan, const struct op *op, size_t offset)
{
    if (op->accumulate[IN_DATA])
        add_into(op_input_grad(plan, op, IN_DATA), behind(op_scratch_backward(plan, op), offset),
                 op_input(plan, op, IN_DATA)->bytes);
}

int accumulate_backward(struct plan *plan, struct op *op, struct err *err)
{
    const struct primitive *backward = primitive_of(op, PASS_BACKWARD_DATA);
    if (!op->wants_grad[IN_DATA])
        return 0;
    if (primitive_run(backward, plan, err))
        return -1;
    accumulate_run(plan, op, backward->scratchpad);
    return 0;
}

void add_into(float *to, const float *from, size_t bytes)
{
    size_t count = bytes / sizeof *to;
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}
