/* What a plan is made of: values, the ops that make them, and where everything lies. For who compiles and runs plans
 * and for backends; plan.h is for who uses one. */
#ifndef DCLS_NN_OP_H
#define DCLS_NN_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "dcls/base/err.h"
#include "net.h"
#include "plan_spec.h"
#include "value_type.h"

struct plan;

enum op_kind {
    OP_CONV,       /* in[0] (N, I, H, W) -> (N, O, OH, OW); may have norm, in[1], an activation, see struct op */
    OP_BATCH_NORM, /* training: batch statistics, updates the running ones; else running; may have an activation */
    OP_ACTIVATION,
    OP_MAX_POOL, /* padding counts as minus infinity */
    OP_GLOBAL_AVG_POOL,
    OP_ADD,     /* in[0] + in[1]; may have an activation */
    OP_SCALE,   /* in[0] (N, C, H, W) * in[1] (N, C, 1, 1) */
    OP_DROPOUT, /* training only, as is the next; see drop_factor */
    OP_STOCHASTIC_DEPTH,
    OP_LINEAR,  /* (N, I, 1, 1) -> (N, O, 1, 1) */
    OP_REORDER, /* the backend's layout -> canonical; backward the other way */
    OP_KINDS,
};

struct value {
    int n, c, h, w;
    enum value_type type;
    void *layout;      /* NULL: canonical. Set in prepare of the op that makes it; freed by backend->layout_free */
    size_t bytes;      /* of data and of gradient; those of n*c*h*w elements unless prepare of its op set more (padded
                          blocks) */
    size_t data, grad; /* offsets into the arena; SIZE_MAX: none */
};

/* A convolution that is fused into the one behind it, with its batch norm and activation. */
struct op_stage {
    const struct layer *layer, *batch_norm; /* NULL: none */
    enum activation activation;
};

#define OP_INPUTS 3

struct op {
    enum op_kind kind;
    const struct op_functions *functions; /* prepare may hand the op to another table with the same layouts */
    const struct layer *layer;            /* of a fused op the first: the conv, the batch norm, the add */
    const struct layer *batch_norm;       /* OP_CONV, fused: the batch norm to fold in (fold_batch_norm), or NULL */
    enum activation activation;           /* that of an OP_ACTIVATION, or fused: applied last of all */
    /* OP_CONV, fused: the depthwise convolution that makes the input of this 1x1 one, and the 1x1 convolution that
     * makes the input of the depthwise one, be that `depthwise` or the op itself. The first of all reads in[0]. */
    struct op_stage depthwise, expansion;
    /* Values; -1: none. OP_CONV with in[1]: that is added before the activation; with in[2], (N, I, 1, 1): in[0] is
     * multiplied by that first, as by an OP_SCALE. */
    int in[OP_INPUTS], out;
    int pooled; /* OP_CONV, fused: the average of each plane of out, (N, O, 1, 1); -1: none */

    bool trains; /* does as in training, and its backward is run; else as in evaluation */
    /* Backward: write the gradient of in[i] at all (false for the plan's input: skip it), and add to what is there
     * instead of overwriting it (another consumer wrote first). Known before prepare. */
    bool wants_grad[OP_INPUTS], accumulate[OP_INPUTS];

    /* Set by prepare; all 0, false or -1 before. */
    size_t scratch_forward, scratch_backward; /* bytes free to use during that call */
    size_t saved;                             /* bytes written by forward that backward reads */
    size_t packed;                            /* bytes for what pack makes, all 0 at first, for as long as the plan */
    bool keep_in[OP_INPUTS], keep_out;        /* backward reads these values' data */
    int share_data; /* i: out would like in[i]'s memory (equal layouts only): forward in place */
    int share_grad; /* i: the gradient of in[i] would like that of out: backward in place */
    /* Granted by the plan before bind. Where not granted, the addresses differ. */
    bool data_shared, grad_shared;
    bool recomputed;  /* out is not kept for backward: it is made anew (recompute.c) */
    int recompute_at; /* then: the op before whose backward that is; else -1 */

    size_t scratch_forward_at, scratch_backward_at, saved_at; /* offsets into the arena */
    size_t packed_at;                                         /* into plan->packed */
    void *state;                                              /* the backend's own, freed by release */
};

/* What an op does in a step. */
enum op_pass { PASS_FORWARD, PASS_BACKWARD_DATA, PASS_BACKWARD_WEIGHTS };

/* How one kind of op is run. forward and backward fail only for reasons outside (a library's error). */
struct op_functions {
    bool canonical; /* reads and writes canonical values only */
    int (*prepare)(struct plan *plan, struct op *op, struct err *err);
    int (*bind)(struct plan *plan, struct op *op, struct err *err); /* may be NULL */
    int (*pack)(struct plan *plan, struct op *op, struct err *err); /* may be NULL; weights or statistics changed */
    int (*forward)(struct plan *plan, struct op *op, struct err *err);
    int (*backward)(struct plan *plan, struct op *op, struct err *err); /* called where op->trains */
    /* Writes out as forward did, from the inputs, all of which the op keeps, and what is saved. May be NULL. */
    int (*recompute)(struct plan *plan, struct op *op, struct err *err);
    void (*release)(struct op *op); /* may be NULL; also after a failed prepare */
    /* By what the pass is done, for the benchmark's table: a primitive's or a kernel's name, valid as long as the op;
     * NULL: loops of its own. May be NULL itself, which says the same. A backward of one pass is PASS_BACKWARD_DATA. */
    const char *(*implementation)(const struct op *op, enum op_pass pass);
};

/* Seconds that an op took, summed over the steps since the profile was set. */
struct op_time {
    double forward, backward;
};

struct plan {
    const struct net *net;
    struct weights *weights;
    float *grad; /* NULL in PLAN_EVAL */
    struct plan_spec spec;
    const struct backend *backend;
    void *state; /* the backend's */
    struct value *values;
    int value_count;
    struct op *ops;
    int op_count;
    int input, logits; /* values */
    int *recomputes;   /* ops, in the order in which backward recomputes what they make */
    int recompute_count;
    struct arena *arena;
    bool owns_arena;
    size_t arena_bytes;
    struct arena *packed; /* the weights that ops have packed, of all of them in one block */
    uint64_t step;        /* plan_set_step */
    unsigned long bound;  /* the arena's generation that the ops are bound to; 0: none */
    enum {
        PACKED_NOTHING,
        PACKED_FIXED,
        PACKED_ALL
    } fresh;                 /* what pack need not do: PACKED_FIXED, what does not train */
    struct op_time *profile; /* of each op, the caller's; NULL (the usual): nothing is timed */
};

static inline size_t value_count(const struct plan *plan, int value)
{
    const struct value *v = &plan->values[value];
    return (size_t)v->n * (size_t)v->c * (size_t)v->h * (size_t)v->w;
}

/* Addresses, from bind on. NULL where there is none (no gradient, no scratch). The value is one of float32. */
float *value_data(const struct plan *plan, int value);
float *value_grad(const struct plan *plan, int value);
void *op_scratch_forward(const struct plan *plan, const struct op *op);
void *op_scratch_backward(const struct plan *plan, const struct op *op);
void *op_saved(const struct plan *plan, const struct op *op);
void *op_packed(const struct plan *plan, const struct op *op);

/* Where a parameter's floats and their gradient lie, canonical (shape: plan->net->params[param]). NULL for -1. */
float *param_value(const struct plan *plan, int param);
float *param_grad(const struct plan *plan, int param);

/* What OP_DROPOUT (index: n * C + c) and OP_STOCHASTIC_DEPTH (index: n) multiply by in this step: 0 or 1 / (1 - drop).
 */
float drop_factor(const struct plan *plan, const struct op *op, size_t index);

#endif
