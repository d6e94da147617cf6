/* See pool.h. */
#include "pool.h"

int pool_init(const struct plan *plan, struct op *op, enum op_pass pass, const struct layout *src, struct layout *dst,
              struct err *err)
{
    const struct layer *layer = op_layer(op);
    bool max = op->kind == OP_MAX_POOL;
    int kernel = max ? layer->kernel : op_input(plan, op, IN_DATA)->h; /* planes are square: images are */
    const struct api_window window = { .kernel = { kernel, kernel },
                                       .strides = { layer->stride, layer->stride },
                                       .padding = { layer->padding, layer->padding } };
    struct making making = { .plan = plan, .op = op, .pass = pass, .what = "a pooling" };
    struct layout workspace;
    if (making_init(&making, NULL, err))
        return -1;
    dnnl_status_t status =
        api_pool(&making.desc, &making.api, max ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding, &src->md,
                 &dst->md, &window);
    struct primitive *primitive = primitive_of(op, pass);
    if (primitive_init(primitive, &making, status, err))
        return -1;
    if (pass == PASS_FORWARD && !primitive_layout(primitive, dnnl_query_dst_md, dst))
        return err_set(err, "oneDNN gives a pooling no layout");
    if (!primitive_layout(primitive, dnnl_query_workspace_md, &workspace))
        return 0;
    op->saved = layout_room(&workspace);
    const struct argument arg = { ARG_WORKSPACE, &workspace, AT_OFFSET(REGION_SAVED, 0) };
    return primitive_args(primitive, plan, &arg, 1, err);
}
