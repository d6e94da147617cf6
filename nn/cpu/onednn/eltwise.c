/* See eltwise.h. */
#include "eltwise.h"

#include <assert.h>

int eltwise_init(const struct plan *plan, struct op *op, enum op_pass pass, const struct layout *data, struct err *err)
{
    enum activation activation = op->stages[0].activation;
    assert(activation == ACTIVATION_SILU || activation == ACTIVATION_SIGMOID);
    bool silu = activation == ACTIVATION_SILU;
    dnnl_alg_kind_t sigmoid = op->trains ? dnnl_eltwise_logistic_use_dst_for_bwd : dnnl_eltwise_logistic;
    struct making making = { .plan = plan, .op = op, .pass = pass, .what = "an activation" };
    if (making_init(&making, NULL, err))
        return -1;
    dnnl_status_t status =
        api_eltwise(&making.desc, &making.api, silu ? dnnl_eltwise_swish : sigmoid, &data->md, silu ? 1.0f : 0.0f);
    return primitive_init(primitive_of(op, pass), &making, status, err);
}
