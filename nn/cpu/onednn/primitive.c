/* oneDNN's descriptors, primitives and memory objects. */
#include "primitive.h"

#include <oneapi/dnnl/dnnl_debug.h>
#include <stdlib.h>
#include <string.h>

int onednn_check(dnnl_status_t status, const char *what, struct err *err)
{
    return status == dnnl_success ? 0 : err_set(err, "oneDNN cannot make or run %s: %s", what, dnnl_status2str(status));
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
    return onednn_check(api_md_strided(&layout->md, rank, sizes, strides), "a memory layout", err);
}

int layout_any(struct layout *layout, int rank, const int64_t *dims, struct err *err)
{
    dnnl_dims_t sizes = { 0 };
    memcpy(sizes, dims, (size_t)rank * sizeof *sizes);
    return onednn_check(api_md_tagged(&layout->md, rank, sizes, dnnl_format_tag_any), "a memory layout", err);
}

int layout_channels_last(struct layout *layout, const int64_t dims[4], struct err *err)
{
    int64_t c = dims[1], h = dims[2], w = dims[3];
    const dnnl_dims_t sizes = { dims[0], c, h, w }, strides = { h * w * c, 1, w * c, c };
    return onednn_check(api_md_strided(&layout->md, 4, sizes, strides), "a memory layout", err);
}

int layout_blocked(struct layout *layout, const int64_t dims[4], int block, struct err *err)
{
    const dnnl_dims_t sizes = { dims[0], dims[1], dims[2], dims[3] };
    dnnl_format_tag_t tag = block == 16 ? dnnl_nChw16c : block == 8 ? dnnl_nChw8c : dnnl_nchw;
    return onednn_check(api_md_tagged(&layout->md, 4, sizes, tag), "a memory layout", err);
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

const struct kernels *layout_kernels(const struct plan *plan, int value)
{
    struct err none = ERR_INIT;
    struct layout layout;
    struct strips strips;
    if (layout_of_value(plan, value, &layout, &none) || layout_strips(&layout, &plan->values[value], &strips, &none))
        return &kernels_plain;
    return kernels_for_block((size_t)strips.blocking);
}

bool layout_equal(const struct layout *a, const struct layout *b)
{
    return api_md_equal(&a->md, &b->md);
}

size_t layout_bytes(const struct layout *layout)
{
    return api_md_bytes(&layout->md);
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

bool desc_layout(const_dnnl_primitive_desc_t desc, dnnl_query_t what, struct layout *layout)
{
    return api_md_query(desc, what, &layout->md);
}

static const char *implementation(const_dnnl_primitive_desc_t desc)
{
    const char *name = NULL;
    return dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name) == dnnl_success ? name : NULL;
}

bool desc_is_reference(const_dnnl_primitive_desc_t desc)
{
    const char *name = implementation(desc);
    return name && !strncmp(name, "ref", 3);
}

int onednn_sgemm(const struct matrices *m, bool add, struct err *err)
{
    return onednn_check(
        dnnl_sgemm('T', 'N', m->rows, m->columns, m->depth, 1, m->a, m->lda, m->b, m->ldb, add ? 1 : 0, m->c, m->ldc),
        "a matrix product", err);
}

/* Attributes of every primitive: its scratch is the plan's. `post` may be NULL. */
static dnnl_primitive_attr_t attributes_of(dnnl_post_ops_t post, const char *what, struct err *err)
{
    dnnl_primitive_attr_t attributes = NULL;
    if (onednn_check(dnnl_primitive_attr_create(&attributes), what, err))
        return NULL;
    if (!onednn_check(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), what, err) &&
        (!post || !onednn_check(dnnl_primitive_attr_set_post_ops(attributes, post), what, err)))
        return attributes;
    dnnl_primitive_attr_destroy(attributes);
    return NULL;
}

/* Releases what a descriptor was made with, and gives that: NULL with err where `status` is no success. */
static dnnl_primitive_desc_t made(const struct api_making *making, dnnl_primitive_desc_t desc, dnnl_status_t status,
                                  const char *what, struct err *err)
{
    dnnl_primitive_attr_destroy(making->attributes);
    return onednn_check(status, what, err) ? NULL : desc;
}

static dnnl_status_t append_activation(dnnl_post_ops_t post, enum activation activation)
{
    switch (activation) {
    case ACTIVATION_RELU:
        return api_append_activation(post, dnnl_eltwise_relu, 0.0f, 0.0f);
    case ACTIVATION_RELU6:
        return api_append_activation(post, dnnl_eltwise_clip, 0.0f, 6.0f);
    case ACTIVATION_SILU:
        return api_append_activation(post, dnnl_eltwise_swish, 1.0f, 0.0f);
    case ACTIVATION_SIGMOID:
        return api_append_activation(post, dnnl_eltwise_logistic, 0.0f, 0.0f);
    default:
        return dnnl_success;
    }
}

/* NULL with err. */
static dnnl_post_ops_t conv_post_ops(bool sum, enum activation activation, struct err *err)
{
    dnnl_post_ops_t post = NULL;
    if (onednn_check(dnnl_post_ops_create(&post), "post-ops", err))
        return NULL;
    if (onednn_check(sum ? api_append_sum(post) : dnnl_success, "a sum", err) ||
        onednn_check(append_activation(post, activation), "an activation", err)) {
        dnnl_post_ops_destroy(post);
        return NULL;
    }
    return post;
}

static void conv_chosen(dnnl_primitive_desc_t desc, enum conv_pass pass, struct conv_layouts *layouts)
{
    desc_layout(desc, pass == CONV_BACKWARD_DATA ? dnnl_query_diff_src_md : dnnl_query_src_md, &layouts->src);
    desc_layout(desc, pass == CONV_BACKWARD_WEIGHTS ? dnnl_query_diff_weights_md : dnnl_query_weights_md,
                &layouts->weights);
    desc_layout(desc, pass == CONV_TRAIN || pass == CONV_EVAL ? dnnl_query_dst_md : dnnl_query_diff_dst_md,
                &layouts->dst);
}

static struct api_window api_window_of(const struct window *window)
{
    return (struct api_window){ .kernel = { window->kernel, window->kernel },
                                .strides = { window->stride, window->stride },
                                .padding = { window->padding, window->padding } };
}

dnnl_primitive_desc_t conv_desc(const struct onednn *onednn, enum conv_pass pass, struct conv_layouts *layouts,
                                const struct window *window, bool sum, enum activation activation,
                                dnnl_primitive_desc_t hint, struct err *err)
{
    static const dnnl_prop_kind_t passes[] = { [CONV_TRAIN] = dnnl_forward_training,
                                               [CONV_EVAL] = dnnl_forward_inference,
                                               [CONV_BACKWARD_DATA] = dnnl_backward_data,
                                               [CONV_BACKWARD_WEIGHTS] = dnnl_backward_weights };
    static const char what[] = "a convolution";
    const struct api_window places = api_window_of(window);
    dnnl_post_ops_t post = conv_post_ops(sum, activation, err);
    dnnl_primitive_desc_t desc = NULL;
    if (!post)
        return NULL;
    struct api_making making = { onednn->engine, attributes_of(sum || activation ? post : NULL, what, err), hint,
                                 passes[pass] };
    if (making.attributes) {
        dnnl_status_t status = api_conv(&desc, &making, &layouts->src.md, &layouts->weights.md,
                                        layouts->has_bias ? &layouts->bias.md : NULL, &layouts->dst.md, &places);
        desc = made(&making, desc, status, what, err);
    }
    if (desc)
        conv_chosen(desc, pass, layouts);
    dnnl_post_ops_destroy(post);
    return desc;
}

static dnnl_prop_kind_t pass_of(bool training, bool backward)
{
    return backward ? dnnl_backward_data : training ? dnnl_forward_training : dnnl_forward_inference;
}

dnnl_primitive_desc_t eltwise_desc(const struct onednn *onednn, bool training, bool backward,
                                   enum activation activation, const struct layout *data, dnnl_primitive_desc_t hint,
                                   struct err *err)
{
    static const char what[] = "an activation";
    bool silu = activation == ACTIVATION_SILU;
    dnnl_alg_kind_t kind = silu       ? dnnl_eltwise_swish
                           : training ? dnnl_eltwise_logistic_use_dst_for_bwd
                                      : dnnl_eltwise_logistic;
    struct api_making making = { onednn->engine, attributes_of(NULL, what, err), hint, pass_of(training, backward) };
    dnnl_primitive_desc_t desc = NULL;
    if (!making.attributes)
        return NULL;
    dnnl_status_t status = api_eltwise(&desc, &making, kind, &data->md, silu ? 1.0f : 0.0f);
    return made(&making, desc, status, what, err);
}

dnnl_primitive_desc_t pool_desc(const struct onednn *onednn, bool training, bool backward, bool max,
                                const struct layout *src, const struct layout *dst, const struct window *window,
                                dnnl_primitive_desc_t hint, struct err *err)
{
    static const char what[] = "a pooling";
    dnnl_alg_kind_t kind = max ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding;
    const struct api_window places = api_window_of(window);
    struct api_making making = { onednn->engine, attributes_of(NULL, what, err), hint, pass_of(training, backward) };
    dnnl_primitive_desc_t desc = NULL;
    if (!making.attributes)
        return NULL;
    dnnl_status_t status = api_pool(&desc, &making, kind, &src->md, &dst->md, &places);
    return made(&making, desc, status, what, err);
}

dnnl_primitive_desc_t linear_desc(const struct onednn *onednn, enum linear_pass pass,
                                  const struct conv_layouts *layouts, dnnl_primitive_desc_t hint, struct err *err)
{
    static const dnnl_prop_kind_t passes[] = { [LINEAR_TRAIN] = dnnl_forward_training,
                                               [LINEAR_EVAL] = dnnl_forward_inference,
                                               [LINEAR_BACKWARD_DATA] = dnnl_backward_data,
                                               [LINEAR_BACKWARD_WEIGHTS] = dnnl_backward_weights };
    static const char what[] = "a linear layer";
    struct api_making making = { onednn->engine, attributes_of(NULL, what, err), hint, passes[pass] };
    dnnl_primitive_desc_t desc = NULL;
    if (!making.attributes)
        return NULL;
    dnnl_status_t status =
        api_linear(&desc, &making, &layouts->src.md, &layouts->weights.md, &layouts->bias.md, &layouts->dst.md);
    return made(&making, desc, status, what, err);
}

int primitive_init(struct primitive *primitive, const struct onednn *onednn, dnnl_primitive_desc_t desc,
                   struct err *err)
{
    if (!desc)
        return -1;
    struct layout scratchpad;
    int status = onednn_check(dnnl_primitive_create(&primitive->handle, desc), "a primitive", err);
    if (!status && desc_layout(desc, dnnl_query_scratchpad_md, &scratchpad)) {
        primitive->scratchpad = ALIGN_64(layout_bytes(&scratchpad));
        status = primitive_arg(primitive, onednn, DNNL_ARG_SCRATCHPAD, &scratchpad, err);
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

int primitive_arg(struct primitive *primitive, const struct onednn *onednn, int arg, const struct layout *layout,
                  struct err *err)
{
    if (primitive->count == PRIMITIVE_ARGS)
        return err_set(err, "a primitive has more than %d arguments", PRIMITIVE_ARGS);
    dnnl_exec_arg_t *next = &primitive->args[primitive->count];
    *next = (dnnl_exec_arg_t){ .arg = arg };
    if (onednn_check(api_memory(&next->memory, &layout->md, onednn->engine, DNNL_MEMORY_NONE), "a memory object", err))
        return -1;
    primitive->count++;
    return 0;
}

int primitive_bind(struct primitive *primitive, int arg, void *address, struct err *err)
{
    for (int i = 0; i < primitive->count; i++)
        if (primitive->args[i].arg == arg)
            return onednn_check(dnnl_memory_set_data_handle(primitive->args[i].memory, address), "a memory object",
                                err);
    return 0;
}

int primitive_run(const struct primitive *primitive, const struct onednn *onednn, struct err *err)
{
    if (!primitive->handle)
        return 0;
    return onednn_check(dnnl_primitive_execute(primitive->handle, onednn->stream, primitive->count, primitive->args),
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
static int own_scratchpad(struct primitive *primitive, const struct onednn *onednn, struct err *err)
{
    dnnl_memory_t memory = NULL;
    for (int i = 0; i < primitive->count; i++) {
        dnnl_exec_arg_t *arg = &primitive->args[i];
        if (arg->arg != DNNL_ARG_SCRATCHPAD)
            continue;
        if (onednn_check(api_memory_alike(&memory, arg->memory, onednn->engine), "a memory object", err))
            return -1;
        dnnl_memory_destroy(arg->memory);
        arg->memory = memory;
    }
    primitive->scratchpad = 0;
    return 0;
}

int reorder_init(struct primitive *primitive, const struct onednn *onednn, const struct layout *from,
                 const struct layout *to, struct err *err)
{
    static const char what[] = "a reorder";
    struct api_making making = { .engine = onednn->engine, .attributes = attributes_of(NULL, what, err) };
    dnnl_primitive_desc_t desc = NULL;
    if (!making.attributes)
        return -1;
    dnnl_status_t status = api_reorder(&desc, &making, &from->md, &to->md);
    return primitive_init(primitive, onednn, made(&making, desc, status, what, err), err) ||
                   own_scratchpad(primitive, onednn, err) ||
                   primitive_arg(primitive, onednn, DNNL_ARG_FROM, from, err) ||
                   primitive_arg(primitive, onednn, DNNL_ARG_TO, to, err)
               ? -1
               : 0;
}

void add_into(float *to, const float *from, size_t bytes)
{
    size_t count = bytes / sizeof *to;
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}
