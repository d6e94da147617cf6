/* See linear.h. */
#include "linear.h"

int linear_init(const struct plan *plan, struct op *op, enum op_pass pass, const struct linear_layouts *layouts,
                struct err *err)
{
    struct making making = { .plan = plan, .op = op, .pass = pass, .what = "a linear layer" };
    if (making_init(&making, NULL, err))
        return -1;
    dnnl_status_t status = api_linear(&making.desc, &making.api, &layouts->src.md, &layouts->weights.md,
                                      &layouts->bias.md, &layouts->dst.md);
    return primitive_init(primitive_of(op, pass), &making, status, err);
}
