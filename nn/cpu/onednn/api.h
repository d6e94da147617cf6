/* What oneDNN 2 and 3 do differently: memory descriptors, which 3 made opaque, and descriptors of primitives, which 2
 * makes in two steps. api_v2.c and api_v3.c implement it, each compiled for its version alone.
 *
 * A dnnl_memory_desc_t made here may be copied and needs no release: of version 2 it is a plain struct, of version 3
 * one of a table of the process, which holds each distinct descriptor once. */
#ifndef DCLS_NN_API_H
#define DCLS_NN_API_H

#include <oneapi/dnnl/dnnl.h>

#include <stdbool.h>

dnnl_status_t api_md_strided(dnnl_memory_desc_t *md, dnnl_data_type_t type, int rank, const dnnl_dims_t dims,
                             const dnnl_dims_t strides);
dnnl_status_t api_md_tagged(dnnl_memory_desc_t *md, dnnl_data_type_t type, int rank, const dnnl_dims_t dims,
                            dnnl_format_tag_t tag);
bool api_md_equal(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b);
size_t api_md_bytes(const dnnl_memory_desc_t *md);
/* False where the descriptor has none. */
bool api_md_query(const_dnnl_primitive_desc_t desc, dnnl_query_t what, dnnl_memory_desc_t *md);

dnnl_status_t api_memory(dnnl_memory_t *memory, const dnnl_memory_desc_t *md, dnnl_engine_t engine, void *address);

dnnl_status_t api_append_activation(dnnl_post_ops_t post, dnnl_alg_kind_t kind, float alpha, float beta);
dnnl_status_t api_append_sum(dnnl_post_ops_t post);

/* What every descriptor of a primitive is made with; `hint` is the forward's, for backward passes. */
struct api_making {
    dnnl_engine_t engine;
    dnnl_primitive_attr_t attributes;
    const_dnnl_primitive_desc_t hint;
    dnnl_prop_kind_t pass;
};
struct api_window {
    dnnl_dims_t kernel, strides, padding;
};
/* `bias` may be NULL. In backward passes src, weights, bias and dst stand for their gradients where that is what the
 * pass reads or writes. */
dnnl_status_t api_conv(dnnl_primitive_desc_t *desc, const struct api_making *making, const dnnl_memory_desc_t *src,
                       const dnnl_memory_desc_t *weights, const dnnl_memory_desc_t *bias, const dnnl_memory_desc_t *dst,
                       const struct api_window *window);
dnnl_status_t api_linear(dnnl_primitive_desc_t *desc, const struct api_making *making, const dnnl_memory_desc_t *src,
                         const dnnl_memory_desc_t *weights, const dnnl_memory_desc_t *bias,
                         const dnnl_memory_desc_t *dst);
dnnl_status_t api_eltwise(dnnl_primitive_desc_t *desc, const struct api_making *making, dnnl_alg_kind_t kind,
                          const dnnl_memory_desc_t *data, float alpha);
dnnl_status_t api_pool(dnnl_primitive_desc_t *desc, const struct api_making *making, dnnl_alg_kind_t kind,
                       const dnnl_memory_desc_t *src, const dnnl_memory_desc_t *dst, const struct api_window *window);
dnnl_status_t api_reorder(dnnl_primitive_desc_t *desc, const struct api_making *making, const dnnl_memory_desc_t *from,
                          const dnnl_memory_desc_t *to);

#endif
