/* oneDNN's primitives with their arguments.
 *
 * The state of an op that has some begins with struct primitives. In prepare each primitive is made and told, argument
 * by argument, where in the plan's memory that will lie; primitives_bind turns that into addresses, primitives_release
 * frees all of them. Forward and backward run them, where nothing is allocated. Scratchpads are the plan's: that of a
 * primitive lies at the start of the scratch of its pass, which the op makes large enough.
 *
 * What each kind of primitive is made with is in a file beside this: conv, linear, pool, eltwise, reorder, gemm. */
#ifndef DCLS_NN_CPU_PRIMITIVE_H
#define DCLS_NN_CPU_PRIMITIVE_H

#include "layout.h"

enum region {
    REGION_DATA, /* of a value */
    REGION_GRAD,
    REGION_PARAM, /* of the network */
    REGION_PARAM_GRAD,
    REGION_FORWARD, /* the op's scratch */
    REGION_BACKWARD,
    REGION_SAVED,
    REGION_PACKED,
    REGION_OWN, /* memory that oneDNN has allocated */
};

struct location {
    enum region region;
    int index;     /* of the value or the parameter */
    size_t offset; /* bytes, in the op's own regions */
};

#define AT_DATA(value) ((struct location){ .region = REGION_DATA, .index = (value) })
#define AT_GRAD(value) ((struct location){ .region = REGION_GRAD, .index = (value) })
#define AT_PARAM(param) ((struct location){ .region = REGION_PARAM, .index = (param) })
#define AT_PARAM_GRAD(param) ((struct location){ .region = REGION_PARAM_GRAD, .index = (param) })
#define AT_OFFSET(its_region, bytes) ((struct location){ .region = (its_region), .offset = (bytes) })

/* From bind on; NULL where nothing is. */
void *location_address(const struct plan *plan, const struct op *op, const struct location *location);

enum arg {
    ARG_SRC,
    ARG_WEIGHTS,
    ARG_BIAS,
    ARG_DST,
    ARG_WORKSPACE,
    ARG_SCRATCHPAD, /* which primitive_init adds */
    ARG_DIFF_SRC,
    ARG_DIFF_WEIGHTS,
    ARG_DIFF_BIAS,
    ARG_DIFF_DST,
};

#define PRIMITIVE_ARGS 8

/* Zeroed it is empty: running it does nothing. */
struct primitive {
    dnnl_primitive_t handle;
    dnnl_exec_arg_t args[PRIMITIVE_ARGS];
    struct location locations[PRIMITIVE_ARGS];
    int count;
    size_t scratchpad;      /* bytes, aligned */
    struct primitive *next; /* of the op's */
};

/* What op->state begins with where the op has primitives. */
struct primitives {
    struct primitive pass[OP_PASSES]; /* empty: the op has no such pass, or does it in another way */
    struct primitive *first;          /* of these and all others of the op */
};

static inline struct primitive *primitive_of(const struct op *op, enum op_pass pass)
{
    return &((struct primitives *)op->state)->pass[pass];
}

/* For struct op_functions: of all that the op has, and what the forward pass's primitive does. */
int primitives_bind(struct plan *plan, struct op *op, struct err *err);
void primitives_release(struct op *op);
int primitives_forward(struct plan *plan, struct op *op, struct err *err);

struct argument {
    enum arg arg;
    const struct layout *layout; /* NULL: not this one */
    struct location location;
};
/* Adds arguments; PRIMITIVE_ARGS at most, the scratchpad included. */
int primitive_args(struct primitive *primitive, const struct plan *plan, const struct argument *args, size_t count,
                   struct err *err);
int primitive_run(const struct primitive *primitive, const struct plan *plan, struct err *err);
/* Makes it an empty one again. */
void primitive_clear(struct primitive *primitive);
/* Whether that is one of its plain loops, which are a hundred times slower than the rest. */
bool primitive_is_reference(const struct primitive *primitive);
/* The layout that it wants or gives: dnnl_query_src_md, …; false where it has none. */
bool primitive_layout(const struct primitive *primitive, dnnl_query_t what, struct layout *layout);

/* For the files beside this: what a primitive is made from. */
struct making {
    const struct plan *plan;
    struct op *op;
    enum op_pass pass;
    const char *what;           /* "a convolution", for messages */
    struct location scratchpad; /* set by making_init to the start of the scratch of that pass */
    struct api_making api;
    dnnl_primitive_desc_t desc; /* what api_conv and the like make, for primitive_init to take */
};
/* Fills in the rest; backward is made after the forward primitive. `post` may be NULL. */
int making_init(struct making *making, dnnl_post_ops_t post, struct err *err);
/* Takes what making_init made, and the descriptor that was made from it where `status` is success. `primitive` becomes
 * one of the op's; of a pass's the op tells by oneDNN's name of what runs it, "jit:avx2". */
int primitive_init(struct primitive *primitive, struct making *making, dnnl_status_t status, struct err *err);

#endif
