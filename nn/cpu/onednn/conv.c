/* See conv.h. */
#include "conv.h"

#include "engine.h"

static const char what[] = "a convolution";

static dnnl_status_t append_activation(dnnl_post_ops_t post, enum activation activation)
{
    switch (activation) {
    case ACTIVATION_RELU: return api_append_activation(post, dnnl_eltwise_relu, 0.0f, 0.0f);
    case ACTIVATION_RELU6: return api_append_activation(post, dnnl_eltwise_clip, 0.0f, 6.0f);
    case ACTIVATION_SILU: return api_append_activation(post, dnnl_eltwise_swish, 1.0f, 0.0f);
    case ACTIVATION_SIGMOID: return api_append_activation(post, dnnl_eltwise_logistic, 0.0f, 0.0f);
    case ACTIVATION_NONE:
    case ACTIVATIONS: break;
    }
    return dnnl_success;
}

/* What is fused behind the convolution, *post NULL where nothing is. */
static int make_post_ops(const struct op *op, dnnl_post_ops_t *post, struct err *err)
{
    bool sum = op->in[IN_RESIDUAL] >= 0;
    enum activation activation = op_last(op)->activation;
    *post = NULL;
    if (!sum && !activation)
        return 0;
    if (engine_check(dnnl_post_ops_create(post), what, err))
        return -1;
    if (!engine_check(sum ? api_append_sum(*post) : dnnl_success, what, err) &&
        !engine_check(append_activation(*post, activation), what, err))
        return 0;
    dnnl_post_ops_destroy(*post);
    return -1;
}

static void tell_layouts(const struct primitive *primitive, enum op_pass pass, struct conv_layouts *layouts)
{
    primitive_layout(primitive, pass == PASS_BACKWARD_DATA ? dnnl_query_diff_src_md : dnnl_query_src_md, &layouts->src);
    primitive_layout(primitive, pass == PASS_BACKWARD_WEIGHTS ? dnnl_query_diff_weights_md : dnnl_query_weights_md,
                     &layouts->weights);
    primitive_layout(primitive, pass == PASS_FORWARD ? dnnl_query_dst_md : dnnl_query_diff_dst_md, &layouts->dst);
}

int conv_init(const struct plan *plan, struct op *op, enum op_pass pass, struct conv_layouts *layouts, struct err *err)
{
    const struct layer *layer = op_layer(op);
    const struct api_window window = { .kernel = { layer->kernel, layer->kernel },
                                       .strides = { layer->stride, layer->stride },
                                       .padding = { layer->padding, layer->padding } };
    struct making making = { .plan = plan, .op = op, .pass = pass, .what = what };
    dnnl_post_ops_t post = NULL;
    if (pass == PASS_FORWARD && make_post_ops(op, &post, err))
        return -1;
    int status = making_init(&making, post, err);
    if (!status) {
        dnnl_status_t described = api_conv(&making.desc, &making.api, &layouts->src.md, &layouts->weights.md,
                                           layouts->has_bias ? &layouts->bias.md : NULL, &layouts->dst.md, &window);
        status = primitive_init(primitive_of(op, pass), &making, described, err);
    }
    if (!status)
        tell_layouts(primitive_of(op, pass), pass, layouts);
    if (post)
        dnnl_post_ops_destroy(post);
    return status;
}
