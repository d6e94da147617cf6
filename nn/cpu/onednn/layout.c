/* See layout.h. */
#include "layout.h"

#include <stdlib.h>
#include <string.h>

#include "engine.h"

static const char what[] = "a memory layout";

static dnnl_data_type_t data_type(enum value_type type)
{
    switch (type) {
    case VALUE_FLOAT32: break;
    }
    return dnnl_f32;
}

int layout_dense(struct layout *layout, enum value_type type, int rank, const int64_t *dims, struct err *err)
{
    dnnl_dims_t sizes = { 0 }, strides = { 0 };
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        sizes[i] = dims[i];
        strides[i] = stride;
        stride *= dims[i];
    }
    return engine_check(api_md_strided(&layout->md, data_type(type), rank, sizes, strides), what, err);
}

static int layout_tagged(struct layout *layout, enum value_type type, int rank, const int64_t *dims,
                         dnnl_format_tag_t tag, struct err *err)
{
    dnnl_dims_t sizes = { 0 };
    memcpy(sizes, dims, (size_t)rank * sizeof *sizes);
    return engine_check(api_md_tagged(&layout->md, data_type(type), rank, sizes, tag), what, err);
}

int layout_any(struct layout *layout, enum value_type type, int rank, const int64_t *dims, struct err *err)
{
    return layout_tagged(layout, type, rank, dims, dnnl_format_tag_any, err);
}

int layout_channels_last(struct layout *layout, const struct value *value, struct err *err)
{
    int64_t c = value->c, h = value->h, w = value->w;
    const dnnl_dims_t sizes = { value->n, c, h, w }, strides = { h * w * c, 1, w * c, c };
    return engine_check(api_md_strided(&layout->md, data_type(value->type), 4, sizes, strides), what, err);
}

int layout_blocked(struct layout *layout, const struct value *value, int block, struct err *err)
{
    dnnl_format_tag_t tag = block == 16 ? dnnl_nChw16c : block == 8 ? dnnl_nChw8c : dnnl_nchw;
    return layout_tagged(layout, value->type, 4, VALUE_DIMS(value), tag, err);
}

bool layout_equal(const struct layout *a, const struct layout *b)
{
    return api_md_equal(&a->md, &b->md);
}

size_t layout_bytes(const struct layout *layout)
{
    return api_md_bytes(&layout->md);
}

size_t layout_room(const struct layout *layout)
{
    return arena_align(layout_bytes(layout));
}

int layout_of_value(const struct plan *plan, int value, struct layout *layout, struct err *err)
{
    const struct value *v = &plan->values[value];
    if (!v->layout)
        return layout_dense(layout, v->type, 4, VALUE_DIMS(v), err);
    *layout = *(const struct layout *)v->layout;
    return 0;
}

bool layout_lies_alike(const struct value *value, const struct layout *a, const struct layout *b)
{
    return layout_equal(a, b) || (value->h == 1 && value->w == 1 && layout_bytes(a) == layout_bytes(b));
}

int layout_to_value(struct plan *plan, int value, const struct layout *layout, struct err *err)
{
    struct value *v = &plan->values[value];
    struct layout canonical;
    if (layout_dense(&canonical, v->type, 4, VALUE_DIMS(v), err))
        return -1;
    v->bytes = layout_bytes(layout);
    v->canonical = layout_lies_alike(v, layout, &canonical);
    if (layout_equal(layout, &canonical))
        return 0;
    if (!(v->layout = malloc(sizeof *layout)))
        return err_set(err, "out of memory for a plan");
    memcpy(v->layout, layout, sizeof *layout);
    return 0;
}

int layout_strips(const struct layout *layout, const struct value *value, struct strips *strips, struct err *err)
{
    size_t n = (size_t)value->n, c = (size_t)value->c, plane = (size_t)value->h * (size_t)value->w;
    static const int blocks[] = { 16, 8, 1 };
    struct layout known;
    for (int i = 0; i < 3; i++) {
        size_t block = (size_t)blocks[i];
        if (layout_blocked(&known, value, blocks[i], err))
            return -1;
        if (layout_equal(&known, layout)) {
            *strips = (struct strips){ n * ((c + block - 1) / block), plane, block, blocks[i] };
            return 0;
        }
    }
    if (layout_channels_last(&known, value, err))
        return -1;
    if (!layout_equal(&known, layout))
        return err_set(err, "oneDNN chose a layout that is not known here");
    *strips = (struct strips){ n, plane, c, 0 };
    return 0;
}

int layout_alike(struct layout *layout, const struct layout *like, const struct value *other, const struct value *value,
                 struct err *err)
{
    struct strips strips;
    if (layout_strips(like, other, &strips, err))
        return -1;
    return strips.blocking ? layout_blocked(layout, value, strips.blocking, err)
                           : layout_channels_last(layout, value, err);
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
