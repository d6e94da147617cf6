/* What the ops of this backend share: memory layouts, primitives with their arguments, reorders.
 *
 * Where oneDNN's versions differ, api.h stands between. A primitive is made in prepare, gets addresses in bind and is
 * run in forward or backward, where nothing is allocated. Scratchpads are the plan's: each primitive tells how much it
 * wants. */
#ifndef DCLS_NN_DNN_H
#define DCLS_NN_DNN_H

#include "api.h"
#include "nn/cpu/kernels/kernels.h"
#include "nn/graph/op.h"

#define ALIGN_64(bytes) (((bytes) + 63) / 64 * 64)

static inline size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* plan->state */
struct onednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    /* The channels of a block in the layouts that its kernels like: 16 with AVX-512, 8 with AVX2. 0 without, where
     * there are none for blocked layouts in training. */
    int block;
    const struct kernels *kernels; /* our own loops for those blocks, or the plain ones */
};

/* -1 and err where `status` is no success; `what` says what was tried. */
int onednn_check(dnnl_status_t status, const char *what, struct err *err);

/* A memory layout: dimensions and how they lie in memory. */
struct layout {
    dnnl_memory_desc_t md;
};
/* Dense in the order of dims; "any" leaves the choice to the primitive. */
int layout_dense(struct layout *layout, int rank, const int64_t *dims, struct err *err);
int layout_any(struct layout *layout, int rank, const int64_t *dims, struct err *err);
/* (N, C, H, W) with the channels of a pixel side by side. */
int layout_channels_last(struct layout *layout, const int64_t dims[4], struct err *err);
/* The same with the channels in blocks: of 8 or 16, or 1 for dense. */
int layout_blocked(struct layout *layout, const int64_t dims[4], int block, struct err *err);
bool layout_equal(const struct layout *a, const struct layout *b);
size_t layout_bytes(const struct layout *layout);
/* That of a value, whether it has a layout of its own or is canonical. */
int layout_of_value(const struct plan *plan, int value, struct layout *layout, struct err *err);
/* Makes it the value's (a canonical one becomes NULL) and sets its bytes. */
int layout_to_value(struct plan *plan, int value, const struct layout *layout, struct err *err);

/* How a value of a layout that those functions make lies in memory: `outer` strips, one after another, of `plane`
 * pixels, each of `block` channels side by side, which belong to the same image. */
struct strips {
    size_t outer, plane, block;
    int blocking; /* for layout_blocked; 0: channels last */
};
/* -1 and err for any other layout. */
int layout_strips(const struct layout *layout, const struct value *value, struct strips *strips, struct err *err);
/* The layout of a value as one of `dims` would have it. */
int layout_alike(struct layout *layout, const struct layout *of, const struct value *value, const int64_t dims[4],
                 struct err *err);

/* Our loops for the blocks of channels in which the value lies; the plain ones where it does not. */
const struct kernels *layout_kernels(const struct plan *plan, int value);

/* Descriptors of primitives. NULL and err where oneDNN has none; freed by dnnl_primitive_desc_destroy. `window` is
 * what convolutions and poolings share. */
struct window {
    int kernel, stride, padding;
};
struct conv_layouts {
    struct layout src, weights, bias, dst;
    bool has_bias;
};
enum conv_pass { CONV_TRAIN, CONV_EVAL, CONV_BACKWARD_DATA, CONV_BACKWARD_WEIGHTS };
/* `hint`: the forward descriptor, for the backward passes. `sum`, `activation`: what CONV_EVAL does with its result.
 * The layouts that were any become those that the primitive chose. */
dnnl_primitive_desc_t conv_desc(const struct onednn *onednn, enum conv_pass pass, struct conv_layouts *layouts,
                                const struct window *window, bool sum, enum activation activation,
                                dnnl_primitive_desc_t hint, struct err *err);
/* SiLU (whose backward reads the input) or the sigmoid (whose backward reads the output). */
dnnl_primitive_desc_t eltwise_desc(const struct onednn *onednn, bool training, bool backward,
                                   enum activation activation, const struct layout *data, dnnl_primitive_desc_t hint,
                                   struct err *err);
dnnl_primitive_desc_t pool_desc(const struct onednn *onednn, bool training, bool backward, bool max,
                                const struct layout *src, const struct layout *dst, const struct window *window,
                                dnnl_primitive_desc_t hint, struct err *err);
enum linear_pass { LINEAR_TRAIN, LINEAR_EVAL, LINEAR_BACKWARD_DATA, LINEAR_BACKWARD_WEIGHTS };
dnnl_primitive_desc_t linear_desc(const struct onednn *onednn, enum linear_pass pass,
                                  const struct conv_layouts *layouts, dnnl_primitive_desc_t hint, struct err *err);
/* The layout that the primitive wants or gives: dnnl_query_src_md, …; false where it has none. */
bool desc_layout(const_dnnl_primitive_desc_t desc, dnnl_query_t what, struct layout *layout);
/* Whether it is one of oneDNN's plain loops, which are a hundred times slower than the rest. */
bool desc_is_reference(const_dnnl_primitive_desc_t desc);
/* c (rows, columns, ldc apart) = a (depth, rows; lda) transposed * b (depth, columns; ldb), plus c where `add`. */
struct matrices {
    int64_t rows, columns, depth;
    const float *a, *b;
    float *c;
    int64_t lda, ldb, ldc;
};
int onednn_sgemm(const struct matrices *matrices, bool add, struct err *err);

/* A primitive and its arguments. Zeroed it is empty: running it does nothing, releasing it is fine. */
#define PRIMITIVE_ARGS 12
struct primitive {
    dnnl_primitive_t handle;
    dnnl_exec_arg_t args[PRIMITIVE_ARGS];
    int count;
    size_t scratchpad; /* bytes, aligned; bound as DNNL_ARG_SCRATCHPAD */
};
/* Takes `desc` (destroys it); a NULL desc fails with the err that is there. */
int primitive_init(struct primitive *primitive, const struct onednn *onednn, dnnl_primitive_desc_t desc,
                   struct err *err);
void primitive_release(struct primitive *primitive);
/* Adds an argument, without an address as yet. */
int primitive_arg(struct primitive *primitive, const struct onednn *onednn, int arg, const struct layout *layout,
                  struct err *err);
/* Gives an argument its address; one that was not added is passed over. */
int primitive_bind(struct primitive *primitive, int arg, void *address, struct err *err);
int primitive_run(const struct primitive *primitive, const struct onednn *onednn, struct err *err);
/* oneDNN's name of what runs it, "jit:avx2"; NULL of an empty one. */
const char *primitive_implementation(const struct primitive *primitive);

/* A copy from one layout to another; from and to are bound as DNNL_ARG_FROM and DNNL_ARG_TO. Where it wants scratch it
 * holds its own. */
int reorder_init(struct primitive *primitive, const struct onednn *onednn, const struct layout *from,
                 const struct layout *to, struct err *err);

/* to[i] += from[i]; both of one layout, so padding is added along (it is 0). */
void add_into(float *to, const float *from, size_t bytes);

/* So many bytes into a block; NULL stays NULL. */
static inline void *behind(void *block, size_t bytes)
{
    return block ? (char *)block + bytes : NULL;
}

static inline struct onednn *onednn_of(const struct plan *plan)
{
    return plan->state;
}

#endif
