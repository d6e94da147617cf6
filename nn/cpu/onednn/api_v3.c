/* See api.h: oneDNN 3. */
#include "api.h"

#if DNNL_VERSION_MAJOR == 3

#include <pthread.h>
#include <stdlib.h>

/* Every distinct descriptor that was made: as many as there are shapes and layouts. */
static struct {
    pthread_mutex_t lock;
    dnnl_memory_desc_t *list;
    size_t count, capacity;
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The known one that equals `md`, or else that, which is known from now on. With the lock held. */
static dnnl_status_t intern(dnnl_memory_desc_t *md)
{
    for (size_t i = 0; i < known.count; i++)
        if (dnnl_memory_desc_equal(known.list[i], *md)) {
            dnnl_memory_desc_destroy(*md);
            *md = known.list[i];
            return dnnl_success;
        }
    if (known.count == known.capacity) {
        size_t capacity = known.capacity ? 2 * known.capacity : 64;
        dnnl_memory_desc_t *list = realloc(known.list, capacity * sizeof(dnnl_memory_desc_t));
        if (!list) {
            dnnl_memory_desc_destroy(*md);
            *md = NULL;
            return dnnl_out_of_memory;
        }
        known.list = list;
        known.capacity = capacity;
    }
    known.list[known.count++] = *md;
    return dnnl_success;
}

static dnnl_status_t keep(dnnl_memory_desc_t *md, dnnl_status_t status)
{
    if (status != dnnl_success)
        return status;
    pthread_mutex_lock(&known.lock);
    status = intern(md);
    pthread_mutex_unlock(&known.lock);
    return status;
}

dnnl_status_t api_md_strided(dnnl_memory_desc_t *md, dnnl_data_type_t type, int rank, const dnnl_dims_t dims,
                             const dnnl_dims_t strides)
{
    return keep(md, dnnl_memory_desc_create_with_strides(md, rank, dims, type, strides));
}

dnnl_status_t api_md_tagged(dnnl_memory_desc_t *md, dnnl_data_type_t type, int rank, const dnnl_dims_t dims,
                            dnnl_format_tag_t tag)
{
    return keep(md, dnnl_memory_desc_create_with_tag(md, rank, dims, type, tag));
}

bool api_md_equal(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b)
{
    return *a == *b || dnnl_memory_desc_equal(*a, *b);
}

size_t api_md_bytes(const dnnl_memory_desc_t *md)
{
    return dnnl_memory_desc_get_size(*md);
}

bool api_md_query(const_dnnl_primitive_desc_t desc, dnnl_query_t what, dnnl_memory_desc_t *md)
{
    const_dnnl_memory_desc_t found = dnnl_primitive_desc_query_md(desc, what, 0);
    dnnl_memory_desc_t own = NULL;
    int32_t rank = 0;
    if (!found || dnnl_memory_desc_query(found, dnnl_query_ndims_s32, &rank) != dnnl_success || rank == 0 ||
        keep(&own, dnnl_memory_desc_clone(&own, found)) != dnnl_success)
        return false;
    *md = own;
    return true;
}

dnnl_status_t api_memory(dnnl_memory_t *memory, const dnnl_memory_desc_t *md, dnnl_engine_t engine, void *address)
{
    return dnnl_memory_create(memory, *md, engine, address);
}

dnnl_status_t api_append_activation(dnnl_post_ops_t post, dnnl_alg_kind_t kind, float alpha, float beta)
{
    return dnnl_post_ops_append_eltwise(post, kind, alpha, beta);
}

dnnl_status_t api_append_sum(dnnl_post_ops_t post)
{
    return dnnl_post_ops_append_sum(post, 1.0f, 0, dnnl_data_type_undef);
}

dnnl_status_t api_conv(dnnl_primitive_desc_t *desc, const struct api_making *making, const dnnl_memory_desc_t *src,
                       const dnnl_memory_desc_t *weights, const dnnl_memory_desc_t *bias, const dnnl_memory_desc_t *dst,
                       const struct api_window *window)
{
    static const dnnl_dims_t dilates = { 0 };
    const dnnl_dim_t *strides = window->strides, *padding = window->padding;
    switch (making->pass) {
    case dnnl_backward_data:
        return dnnl_convolution_backward_data_primitive_desc_create(desc, making->engine, dnnl_convolution_direct, *src,
                                                                    *weights, *dst, strides, dilates, padding, padding,
                                                                    making->hint, making->attributes);
    case dnnl_backward_weights:
        return dnnl_convolution_backward_weights_primitive_desc_create(
            desc, making->engine, dnnl_convolution_direct, *src, *weights, bias ? *bias : NULL, *dst, strides, dilates,
            padding, padding, making->hint, making->attributes);
    default:
        return dnnl_convolution_forward_primitive_desc_create(
            desc, making->engine, making->pass, dnnl_convolution_direct, *src, *weights, bias ? *bias : NULL, *dst,
            strides, dilates, padding, padding, making->attributes);
    }
}

dnnl_status_t api_linear(dnnl_primitive_desc_t *desc, const struct api_making *making, const dnnl_memory_desc_t *src,
                         const dnnl_memory_desc_t *weights, const dnnl_memory_desc_t *bias,
                         const dnnl_memory_desc_t *dst)
{
    switch (making->pass) {
    case dnnl_backward_data:
        return dnnl_inner_product_backward_data_primitive_desc_create(desc, making->engine, *src, *weights, *dst,
                                                                      making->hint, making->attributes);
    case dnnl_backward_weights:
        return dnnl_inner_product_backward_weights_primitive_desc_create(desc, making->engine, *src, *weights, *bias,
                                                                         *dst, making->hint, making->attributes);
    default:
        return dnnl_inner_product_forward_primitive_desc_create(desc, making->engine, making->pass, *src, *weights,
                                                                *bias, *dst, making->attributes);
    }
}

dnnl_status_t api_eltwise(dnnl_primitive_desc_t *desc, const struct api_making *making, dnnl_alg_kind_t kind,
                          const dnnl_memory_desc_t *data, float alpha)
{
    if (making->pass == dnnl_backward_data)
        return dnnl_eltwise_backward_primitive_desc_create(desc, making->engine, kind, *data, *data, *data, alpha, 0,
                                                           making->hint, making->attributes);
    return dnnl_eltwise_forward_primitive_desc_create(desc, making->engine, making->pass, kind, *data, *data, alpha, 0,
                                                      making->attributes);
}

dnnl_status_t api_pool(dnnl_primitive_desc_t *desc, const struct api_making *making, dnnl_alg_kind_t kind,
                       const dnnl_memory_desc_t *src, const dnnl_memory_desc_t *dst, const struct api_window *window)
{
    static const dnnl_dims_t dilates = { 0 };
    const dnnl_dim_t *strides = window->strides, *kernel = window->kernel, *padding = window->padding;
    if (making->pass == dnnl_backward_data)
        return dnnl_pooling_backward_primitive_desc_create(desc, making->engine, kind, *src, *dst, strides, kernel,
                                                           dilates, padding, padding, making->hint, making->attributes);
    return dnnl_pooling_forward_primitive_desc_create(desc, making->engine, making->pass, kind, *src, *dst, strides,
                                                      kernel, dilates, padding, padding, making->attributes);
}

dnnl_status_t api_reorder(dnnl_primitive_desc_t *desc, const struct api_making *making, const dnnl_memory_desc_t *from,
                          const dnnl_memory_desc_t *to)
{
    return dnnl_reorder_primitive_desc_create(desc, *from, making->engine, *to, making->engine, making->attributes);
}

#endif
