/* See api.h: oneDNN 2, whose descriptors of primitives come in two steps, operation and primitive. */
#include "api.h"

#if DNNL_VERSION_MAJOR == 2

dnnl_status_t api_md_strided(dnnl_memory_desc_t *md, dnnl_data_type_t type, int rank, const dnnl_dims_t dims,
                             const dnnl_dims_t strides)
{
    return dnnl_memory_desc_init_by_strides(md, rank, dims, type, strides);
}

dnnl_status_t api_md_tagged(dnnl_memory_desc_t *md, dnnl_data_type_t type, int rank, const dnnl_dims_t dims,
                            dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_init_by_tag(md, rank, dims, type, tag);
}

bool api_md_equal(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b)
{
    return dnnl_memory_desc_equal(a, b);
}

size_t api_md_bytes(const dnnl_memory_desc_t *md)
{
    return dnnl_memory_desc_get_size(md);
}

bool api_md_query(const_dnnl_primitive_desc_t desc, dnnl_query_t what, dnnl_memory_desc_t *md)
{
    const dnnl_memory_desc_t *found = dnnl_primitive_desc_query_md(desc, what, 0);
    if (!found || found->ndims == 0)
        return false;
    *md = *found;
    return true;
}

dnnl_status_t api_memory(dnnl_memory_t *memory, const dnnl_memory_desc_t *md, dnnl_engine_t engine, void *address)
{
    return dnnl_memory_create(memory, md, engine, address);
}

dnnl_status_t api_append_activation(dnnl_post_ops_t post, dnnl_alg_kind_t kind, float alpha, float beta)
{
    return dnnl_post_ops_append_eltwise(post, 1.0f, kind, alpha, beta);
}

dnnl_status_t api_append_sum(dnnl_post_ops_t post)
{
    return dnnl_post_ops_append_sum(post, 1.0f);
}

/* The second step; `status` is the first one's. */
static dnnl_status_t describe(dnnl_primitive_desc_t *desc, const struct api_making *making, const void *operation,
                              dnnl_status_t status)
{
    if (status != dnnl_success)
        return status;
    return dnnl_primitive_desc_create(desc, operation, making->attributes, making->engine, making->hint);
}

dnnl_status_t api_conv(dnnl_primitive_desc_t *desc, const struct api_making *making, const dnnl_memory_desc_t *src,
                       const dnnl_memory_desc_t *weights, const dnnl_memory_desc_t *bias, const dnnl_memory_desc_t *dst,
                       const struct api_window *window)
{
    static const dnnl_dims_t dilates = { 0 };
    const dnnl_dim_t *strides = window->strides, *padding = window->padding;
    dnnl_convolution_desc_t operation;
    dnnl_status_t status;
    switch (making->pass) {
    case dnnl_backward_data:
        status = dnnl_dilated_convolution_backward_data_desc_init(&operation, dnnl_convolution_direct, src, weights,
                                                                  dst, strides, dilates, padding, padding);
        break;
    case dnnl_backward_weights:
        status = dnnl_dilated_convolution_backward_weights_desc_init(&operation, dnnl_convolution_direct, src, weights,
                                                                     bias, dst, strides, dilates, padding, padding);
        break;
    default:
        status = dnnl_dilated_convolution_forward_desc_init(&operation, making->pass, dnnl_convolution_direct, src,
                                                            weights, bias, dst, strides, dilates, padding, padding);
    }
    return describe(desc, making, &operation, status);
}

dnnl_status_t api_linear(dnnl_primitive_desc_t *desc, const struct api_making *making, const dnnl_memory_desc_t *src,
                         const dnnl_memory_desc_t *weights, const dnnl_memory_desc_t *bias,
                         const dnnl_memory_desc_t *dst)
{
    dnnl_inner_product_desc_t operation;
    dnnl_status_t status;
    switch (making->pass) {
    case dnnl_backward_data: status = dnnl_inner_product_backward_data_desc_init(&operation, src, weights, dst); break;
    case dnnl_backward_weights:
        status = dnnl_inner_product_backward_weights_desc_init(&operation, src, weights, bias, dst);
        break;
    default: status = dnnl_inner_product_forward_desc_init(&operation, making->pass, src, weights, bias, dst);
    }
    return describe(desc, making, &operation, status);
}

dnnl_status_t api_eltwise(dnnl_primitive_desc_t *desc, const struct api_making *making, dnnl_alg_kind_t kind,
                          const dnnl_memory_desc_t *data, float alpha)
{
    dnnl_eltwise_desc_t operation;
    dnnl_status_t status = making->pass == dnnl_backward_data
                               ? dnnl_eltwise_backward_desc_init(&operation, kind, data, data, alpha, 0)
                               : dnnl_eltwise_forward_desc_init(&operation, making->pass, kind, data, alpha, 0);
    return describe(desc, making, &operation, status);
}

dnnl_status_t api_pool(dnnl_primitive_desc_t *desc, const struct api_making *making, dnnl_alg_kind_t kind,
                       const dnnl_memory_desc_t *src, const dnnl_memory_desc_t *dst, const struct api_window *window)
{
    const dnnl_dim_t *strides = window->strides, *kernel = window->kernel, *padding = window->padding;
    dnnl_pooling_desc_t operation;
    dnnl_status_t status =
        making->pass == dnnl_backward_data
            ? dnnl_pooling_backward_desc_init(&operation, kind, src, dst, strides, kernel, padding, padding)
            : dnnl_pooling_forward_desc_init(&operation, making->pass, kind, src, dst, strides, kernel, padding,
                                             padding);
    return describe(desc, making, &operation, status);
}

dnnl_status_t api_reorder(dnnl_primitive_desc_t *desc, const struct api_making *making, const dnnl_memory_desc_t *from,
                          const dnnl_memory_desc_t *to)
{
    return dnnl_reorder_primitive_desc_create(desc, from, making->engine, to, making->engine, making->attributes);
}

#endif
