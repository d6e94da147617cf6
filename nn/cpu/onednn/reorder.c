/* See reorder.h. A reorder that wants scratch has its own: it runs in any pass. */
#include "reorder.h"

int reorder_init(struct primitive *primitive, const struct plan *plan, struct op *op, const struct reorder *reorder,
                 struct err *err)
{
    struct making making = { .plan = plan, .op = op, .pass = PASS_FORWARD, .what = "a reorder" };
    if (making_init(&making, NULL, err))
        return -1;
    making.scratchpad.region = REGION_OWN;
    dnnl_status_t status = api_reorder(&making.desc, &making.api, &reorder->from.md, &reorder->to.md);
    if (primitive_init(primitive, &making, status, err))
        return -1;
    const struct argument args[] = { { ARG_SRC, &reorder->from, reorder->source },
                                     { ARG_DST, &reorder->to, reorder->target } };
    return primitive_args(primitive, plan, args, 2, err);
}
