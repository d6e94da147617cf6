/* oneDNN's descriptors, primitives and memory objects: the one file that changes between its versions (written for
 * 2.6, whose descriptors come in two steps, operation and primitive). */
#include "dnn.h"

#include <string.h>

int dnn_check(dnnl_status_t status, const char *what, struct err *err)
{
    static const char *const names[] = {
        [dnnl_out_of_memory] = "out of memory",
        [dnnl_invalid_arguments] = "invalid arguments",
        [dnnl_unimplemented] = "not implemented",
        [dnnl_iterator_ends] = "no more implementations",
        [dnnl_runtime_error] = "runtime error",
        [dnnl_not_required] = "not required",
    };
    if (status == dnnl_success)
        return 0;
    bool known = (size_t)status < sizeof names / sizeof *names && names[status];
    return err_set(err, "oneDNN cannot make or run %s: %s", what, known ? names[status] : "unknown error");
}

int layout_dense(struct layout *layout, int rank, const int64_t *dims, struct err *err)
{
    dnnl_dims_t sizes = { 0 }, strides = { 0 };
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        sizes[i] = dims[i];
        strides[i] = stride;
        stride *= dims[i];
    }
    return dnn_check(dnnl_memory_desc_init_by_strides(&layout->md, rank, sizes, dnnl_f32, strides),
                     "a memory layout", err);
}

int layout_any(struct layout *layout, int rank, const int64_t *dims, struct err *err)
{
    dnnl_dims_t sizes = { 0 };
    memcpy(sizes, dims, (size_t)rank * sizeof *sizes);
    return dnn_check(dnnl_memory_desc_init_by_tag(&layout->md, rank, sizes, dnnl_f32, dnnl_format_tag_any),
                     "a memory layout", err);
}

int layout_channels_last(struct layout *layout, const int64_t dims[4], struct err *err)
{
    int64_t c = dims[1], h = dims[2], w = dims[3];
    const dnnl_dims_t sizes = { dims[0], c, h, w }, strides = { h * w * c, 1, w * c, c };
    return dnn_check(dnnl_memory_desc_init_by_strides(&layout->md, 4, sizes, dnnl_f32, strides), "a memory layout",
                     err);
}

int layout_blocked(struct layout *layout, const int64_t dims[4], int block, struct err *err)
{
    const dnnl_dims_t sizes = { dims[0], dims[1], dims[2], dims[3] };
    dnnl_format_tag_t tag = block == 16 ? dnnl_nChw16c : block == 8 ? dnnl_nChw8c : dnnl_nchw;
    return dnn_check(dnnl_memory_desc_init_by_tag(&layout->md, 4, sizes, dnnl_f32, tag), "a memory layout", err);
}

int layout_strips(const struct layout *layout, const struct value *value, struct strips *strips, struct err *err)
{
    const int64_t dims[] = { value->n, value->c, value->h, value->w };
    size_t n = (size_t)value->n, c = (size_t)value->c, plane = (size_t)value->h * (size_t)value->w;
    static const int blocks[] = { 16, 8, 1 };
    struct layout known;
    for (int i = 0; i < 3; i++) {
        size_t block = (size_t)blocks[i];
        if (layout_blocked(&known, dims, blocks[i], err))
            return -1;
        if (layout_equal(&known, layout)) {
            *strips = (struct strips){ n * ((c + block - 1) / block), plane, block, blocks[i] };
            return 0;
        }
    }
    if (layout_channels_last(&known, dims, err))
        return -1;
    if (!layout_equal(&known, layout))
        return err_set(err, "oneDNN chose a layout that is not known here");
    *strips = (struct strips){ n, plane, c, 0 };
    return 0;
}

int layout_alike(struct layout *layout, const struct layout *of, const struct value *value, const int64_t dims[4],
                 struct err *err)
{
    struct strips strips;
    if (layout_strips(of, value, &strips, err))
        return -1;
    return strips.blocking ? layout_blocked(layout, dims, strips.blocking, err)
                           : layout_channels_last(layout, dims, err);
}

bool layout_equal(const struct layout *a, const struct layout *b)
{
    return dnnl_memory_desc_equal(&a->md, &b->md);
}

size_t layout_bytes(const struct layout *layout)
{
    return dnnl_memory_desc_get_size(&layout->md);
}

static int canonical(const struct value *value, struct layout *layout, struct err *err)
{
    return layout_dense(layout, 4, (int64_t[]){ value->n, value->c, value->h, value->w }, err);
}

int layout_of_value(const struct plan *plan, int value, struct layout *layout, struct err *err)
{
    const struct value *v = &plan->values[value];
    if (!v->layout)
        return canonical(v, layout, err);
    *layout = *(const struct layout *)v->layout;
    return 0;
}

int layout_to_value(struct plan *plan, int value, const struct layout *layout, struct err *err)
{
    struct value *v = &plan->values[value];
    struct layout dense;
    if (canonical(v, &dense, err))
        return -1;
    v->bytes = layout_bytes(layout);
    if (layout_equal(layout, &dense))
        return 0;
    if (!(v->layout = malloc(sizeof *layout)))
        return err_set(err, "out of memory for a plan");
    memcpy(v->layout, layout, sizeof *layout);
    return 0;
}

bool dnn_query(const_dnnl_primitive_desc_t desc, dnnl_query_t what, struct layout *layout)
{
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(desc, what, 0);
    if (!md || md->ndims == 0)
        return false;
    layout->md = *md;
    return true;
}

static const char *implementation(const_dnnl_primitive_desc_t desc)
{
    const char *name = NULL;
    return dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name) == dnnl_success ? name : NULL;
}

bool dnn_is_plain(const_dnnl_primitive_desc_t desc)
{
    const char *name = implementation(desc);
    return name && !strncmp(name, "ref", 3);
}

int dnn_multiply(const struct matrices *m, bool add, struct err *err)
{
    return dnn_check(dnnl_sgemm('T', 'N', m->rows, m->columns, m->depth, 1, m->a, m->lda, m->b, m->ldb, add ? 1 : 0,
                                m->c, m->ldc),
                     "a matrix product", err);
}

/* The second step of every descriptor; `post` may be NULL. */
static dnnl_primitive_desc_t describe(const struct dnn *dnn, const void *operation, dnnl_post_ops_t post,
                                      dnnl_primitive_desc_t hint, const char *what, struct err *err)
{
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t desc = NULL;
    if (dnn_check(dnnl_primitive_attr_create(&attributes), what, err))
        return NULL;
    if (!dnn_check(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), what, err) &&
        (!post || !dnn_check(dnnl_primitive_attr_set_post_ops(attributes, post), what, err)) &&
        dnn_check(dnnl_primitive_desc_create(&desc, operation, attributes, dnn->engine, hint), what, err))
        desc = NULL;
    dnnl_primitive_attr_destroy(attributes);
    return desc;
}

static dnnl_status_t append_activation(dnnl_post_ops_t post, enum activation activation)
{
    switch (activation) {
    case ACTIVATION_RELU:
        return dnnl_post_ops_append_eltwise(post, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f);
    case ACTIVATION_RELU6:
        return dnnl_post_ops_append_eltwise(post, 1.0f, dnnl_eltwise_clip, 0.0f, 6.0f);
    case ACTIVATION_SILU:
        return dnnl_post_ops_append_eltwise(post, 1.0f, dnnl_eltwise_swish, 1.0f, 0.0f);
    case ACTIVATION_SIGMOID:
        return dnnl_post_ops_append_eltwise(post, 1.0f, dnnl_eltwise_logistic, 0.0f, 0.0f);
    default:
        return dnnl_success;
    }
}

static int conv_post_ops(dnnl_post_ops_t *post, bool sum, enum activation activation, struct err *err)
{
    *post = NULL;
    if (dnn_check(dnnl_post_ops_create(post), "post-ops", err))
        return -1;
    if (sum && dnn_check(dnnl_post_ops_append_sum(*post, 1.0f), "a sum", err))
        return -1;
    return dnn_check(append_activation(*post, activation), "an activation", err);
}

static void conv_chosen(dnnl_primitive_desc_t desc, enum conv_pass pass, struct conv_layouts *layouts)
{
    dnn_query(desc, pass == CONV_BACKWARD_DATA ? dnnl_query_diff_src_md : dnnl_query_src_md, &layouts->src);
    dnn_query(desc, pass == CONV_BACKWARD_WEIGHTS ? dnnl_query_diff_weights_md : dnnl_query_weights_md,
              &layouts->weights);
    dnn_query(desc, pass == CONV_TRAIN || pass == CONV_EVAL ? dnnl_query_dst_md : dnnl_query_diff_dst_md,
              &layouts->dst);
}

dnnl_primitive_desc_t dnn_conv(const struct dnn *dnn, enum conv_pass pass, struct conv_layouts *layouts,
                               const struct window *window, bool sum, enum activation activation,
                               dnnl_primitive_desc_t hint, struct err *err)
{
    const dnnl_dims_t strides = { window->stride, window->stride }, dilates = { 0, 0 };
    const dnnl_dims_t padding = { window->padding, window->padding };
    const dnnl_memory_desc_t *src = &layouts->src.md, *weights = &layouts->weights.md, *dst = &layouts->dst.md;
    const dnnl_memory_desc_t *bias = layouts->has_bias ? &layouts->bias.md : NULL;
    dnnl_convolution_desc_t operation;
    dnnl_post_ops_t post = NULL;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t status;
    switch (pass) {
    case CONV_TRAIN:
    case CONV_EVAL:
        status = dnnl_dilated_convolution_forward_desc_init(
            &operation, pass == CONV_TRAIN ? dnnl_forward_training : dnnl_forward_inference, dnnl_convolution_direct,
            src, weights, bias, dst, strides, dilates, padding, padding);
        break;
    case CONV_BACKWARD_DATA:
        status = dnnl_dilated_convolution_backward_data_desc_init(&operation, dnnl_convolution_direct, src, weights,
                                                                  dst, strides, dilates, padding, padding);
        break;
    default:
        status = dnnl_dilated_convolution_backward_weights_desc_init(
            &operation, dnnl_convolution_direct, src, weights, bias, dst, strides, dilates, padding, padding);
    }
    if (!dnn_check(status, "a convolution", err) && !conv_post_ops(&post, sum, activation, err))
        desc = describe(dnn, &operation, sum || activation ? post : NULL, hint, "a convolution", err);
    if (desc)
        conv_chosen(desc, pass, layouts);
    dnnl_post_ops_destroy(post);
    return desc;
}

dnnl_primitive_desc_t dnn_eltwise(const struct dnn *dnn, bool training, bool backward, enum activation activation,
                                  const struct layout *data, dnnl_primitive_desc_t hint, struct err *err)
{
    bool silu = activation == ACTIVATION_SILU;
    dnnl_alg_kind_t kind = silu       ? dnnl_eltwise_swish
                           : training ? dnnl_eltwise_logistic_use_dst_for_bwd
                                      : dnnl_eltwise_logistic;
    float alpha = silu ? 1.0f : 0.0f;
    dnnl_eltwise_desc_t operation;
    dnnl_status_t status =
        backward ? dnnl_eltwise_backward_desc_init(&operation, kind, &data->md, &data->md, alpha, 0.0f)
                 : dnnl_eltwise_forward_desc_init(&operation,
                                                  training ? dnnl_forward_training : dnnl_forward_inference, kind,
                                                  &data->md, alpha, 0.0f);
    if (dnn_check(status, "an activation", err))
        return NULL;
    return describe(dnn, &operation, NULL, hint, "an activation", err);
}

dnnl_primitive_desc_t dnn_pool(const struct dnn *dnn, bool training, bool backward, bool max,
                               const struct layout *src, const struct layout *dst, const struct window *window,
                               dnnl_primitive_desc_t hint, struct err *err)
{
    const dnnl_dims_t strides = { window->stride, window->stride }, kernel = { window->kernel, window->kernel };
    const dnnl_dims_t padding = { window->padding, window->padding };
    dnnl_alg_kind_t kind = max ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding;
    dnnl_pooling_desc_t operation;
    dnnl_status_t status =
        backward ? dnnl_pooling_backward_desc_init(&operation, kind, &src->md, &dst->md, strides, kernel, padding,
                                                   padding)
                 : dnnl_pooling_forward_desc_init(&operation,
                                                  training ? dnnl_forward_training : dnnl_forward_inference, kind,
                                                  &src->md, &dst->md, strides, kernel, padding, padding);
    if (dnn_check(status, "a pooling", err))
        return NULL;
    return describe(dnn, &operation, NULL, hint, "a pooling", err);
}

dnnl_primitive_desc_t dnn_linear(const struct dnn *dnn, enum linear_pass pass, const struct conv_layouts *layouts,
                                 dnnl_primitive_desc_t hint, struct err *err)
{
    const dnnl_memory_desc_t *src = &layouts->src.md, *weights = &layouts->weights.md, *dst = &layouts->dst.md;
    const dnnl_memory_desc_t *bias = &layouts->bias.md;
    dnnl_inner_product_desc_t operation;
    dnnl_status_t status;
    switch (pass) {
    case LINEAR_TRAIN:
    case LINEAR_EVAL:
        status = dnnl_inner_product_forward_desc_init(
            &operation, pass == LINEAR_TRAIN ? dnnl_forward_training : dnnl_forward_inference, src, weights, bias,
            dst);
        break;
    case LINEAR_BACKWARD_DATA:
        status = dnnl_inner_product_backward_data_desc_init(&operation, src, weights, dst);
        break;
    default:
        status = dnnl_inner_product_backward_weights_desc_init(&operation, src, weights, bias, dst);
    }
    if (dnn_check(status, "a linear layer", err))
        return NULL;
    return describe(dnn, &operation, NULL, hint, "a linear layer", err);
}

int primitive_init(struct primitive *primitive, const struct dnn *dnn, dnnl_primitive_desc_t desc, struct err *err)
{
    if (!desc)
        return -1;
    struct layout scratchpad;
    int status = dnn_check(dnnl_primitive_create(&primitive->handle, desc), "a primitive", err);
    if (!status && dnn_query(desc, dnnl_query_scratchpad_md, &scratchpad)) {
        primitive->scratchpad = DNN_ALIGN(layout_bytes(&scratchpad));
        status = primitive_arg(primitive, dnn, DNNL_ARG_SCRATCHPAD, &scratchpad, err);
    }
    dnnl_primitive_desc_destroy(desc);
    return status;
}

void primitive_release(struct primitive *primitive)
{
    for (int i = 0; i < primitive->count; i++)
        dnnl_memory_destroy(primitive->args[i].memory);
    if (primitive->handle)
        dnnl_primitive_destroy(primitive->handle);
    *primitive = (struct primitive){ 0 };
}

int primitive_arg(struct primitive *primitive, const struct dnn *dnn, int arg, const struct layout *layout,
                  struct err *err)
{
    if (primitive->count == PRIMITIVE_ARGS)
        return err_set(err, "a primitive has more than %d arguments", PRIMITIVE_ARGS);
    dnnl_exec_arg_t *next = &primitive->args[primitive->count];
    *next = (dnnl_exec_arg_t){ .arg = arg };
    if (dnn_check(dnnl_memory_create(&next->memory, &layout->md, dnn->engine, DNNL_MEMORY_NONE), "a memory object",
                  err))
        return -1;
    primitive->count++;
    return 0;
}

int primitive_bind(struct primitive *primitive, int arg, void *address, struct err *err)
{
    for (int i = 0; i < primitive->count; i++)
        if (primitive->args[i].arg == arg)
            return dnn_check(dnnl_memory_set_data_handle(primitive->args[i].memory, address), "a memory object", err);
    return 0;
}

int primitive_run(const struct primitive *primitive, const struct dnn *dnn, struct err *err)
{
    if (!primitive->handle)
        return 0;
    return dnn_check(dnnl_primitive_execute(primitive->handle, dnn->stream, primitive->count, primitive->args),
                     "a primitive", err);
}

const char *primitive_implementation(const struct primitive *primitive)
{
    const_dnnl_primitive_desc_t desc = NULL;
    if (!primitive->handle || dnnl_primitive_get_primitive_desc(primitive->handle, &desc) != dnnl_success)
        return NULL;
    return implementation(desc);
}

/* Scratch of its own instead of the plan's. */
static int own_scratchpad(struct primitive *primitive, const struct dnn *dnn, struct err *err)
{
    dnnl_memory_t memory = NULL;
    for (int i = 0; i < primitive->count; i++) {
        dnnl_exec_arg_t *arg = &primitive->args[i];
        const dnnl_memory_desc_t *md = NULL;
        if (arg->arg != DNNL_ARG_SCRATCHPAD)
            continue;
        if (dnn_check(dnnl_memory_get_memory_desc(arg->memory, &md), "a memory object", err) ||
            dnn_check(dnnl_memory_create(&memory, md, dnn->engine, DNNL_MEMORY_ALLOCATE), "a memory object", err))
            return -1;
        dnnl_memory_destroy(arg->memory);
        arg->memory = memory;
    }
    primitive->scratchpad = 0;
    return 0;
}

int reorder_init(struct primitive *primitive, const struct dnn *dnn, const struct layout *from,
                 const struct layout *to, struct err *err)
{
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_attr_t attributes = NULL;
    int status = -1;
    if (!dnn_check(dnnl_primitive_attr_create(&attributes), "a reorder", err) &&
        !dnn_check(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "a reorder", err) &&
        !dnn_check(dnnl_reorder_primitive_desc_create(&desc, &from->md, dnn->engine, &to->md, dnn->engine, attributes),
                   "a reorder", err) &&
        !primitive_init(primitive, dnn, desc, err) && !own_scratchpad(primitive, dnn, err) &&
        !primitive_arg(primitive, dnn, DNNL_ARG_FROM, from, err))
        status = primitive_arg(primitive, dnn, DNNL_ARG_TO, to, err);
    dnnl_primitive_attr_destroy(attributes);
    return status;
}

void add_into(float *to, const float *from, size_t bytes)
{
    size_t count = bytes / sizeof *to;
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}
