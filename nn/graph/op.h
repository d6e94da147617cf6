/* What a plan is made of: values, the ops that make them, and where all of it lies. For who compiles and runs plans and
 * for backends; plan.h is for who uses one.
 *
 * plan_new turns the layers of a net into a list of ops over values, merges those that the backend runs as one, and
 * then, op by op in forward order, asks the backend for its functions and calls prepare. All sizes being known, it lays
 * values, gradients, saved data and scratch out in the arena by liveness. A step then runs:
 *
 *     bind      each op, before the first forward and again whenever the arena has moved
 *     pack      each op that has it, before the first forward and the first after plan_weights_changed
 *     forward   each op in order
 *     backward  each op that trains, in reverse order; before it `recompute` of those whose results it is the first to
 *               read of what was not kept (recompute.c)
 *
 * Only prepare and bind may allocate. Layouts: a value's `layout` is NULL for canonical (dense float NCHW) or a
 * descriptor that only the plan's backend understands; its gradient has the layout of its data. The plan's input is
 * canonical. An op takes its inputs in the layout they have (reordering into its scratch if it must) and chooses the
 * layout of its outputs. Functions may be `canonical`: where an op's input is not, the plan puts an OP_REORDER in
 * front; likewise behind the logits.
 *
 * Weights and their gradients are canonical in weights->params and plan->grad (param_value, param_grad); a backend
 * may keep packed copies (op_packed), which pack refreshes. */
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
    OP_NONE = LAYER_INPUT,            /* no op: what was merged into another */
    OP_CONV = LAYER_CONV,             /* (N, I, H, W) -> (N, O, OH, OW); may be a chain of several */
    OP_BATCH_NORM = LAYER_BATCH_NORM, /* training: batch statistics, updates the running ones; else running */
    OP_ACTIVATION = LAYER_ACTIVATION,
    OP_MAX_POOL = LAYER_MAX_POOL, /* padding counts as minus infinity */
    OP_GLOBAL_AVG_POOL = LAYER_GLOBAL_AVG_POOL,
    OP_ADD = LAYER_ADD,         /* data + residual */
    OP_SCALE = LAYER_SCALE,     /* data (N, C, H, W) * scale (N, C, 1, 1) */
    OP_DROPOUT = LAYER_DROPOUT, /* training only, as is the next; see drop_factor */
    OP_STOCHASTIC_DEPTH = LAYER_STOCHASTIC_DEPTH,
    OP_LINEAR = LAYER_LINEAR, /* (N, I, 1, 1) -> (N, O, 1, 1) */
    OP_REORDER,               /* the backend's layout -> canonical; backward the other way */
    OP_KINDS,
};

struct value {
    int n, c, h, w;
    enum value_type type;
    void *layout;      /* NULL: canonical. Set in prepare of the op that makes it; freed by backend->layout_free */
    bool canonical;    /* lies as a canonical one does, whatever its layout: a plane of one pixel may */
    size_t bytes;      /* of data and of gradient; those of n*c*h*w elements unless prepare of its op set more (padded
                          blocks) */
    size_t data, grad; /* offsets into the arena; SIZE_MAX: none */
};

/* One layer of an op and what is fused behind it. */
struct op_stage {
    const struct layer *layer;
    const struct layer *batch_norm; /* of a convolution, to be folded in (weights_fold); NULL: none */
    enum activation activation;     /* comes last; of an activation layer its own */
};

#define OP_STAGES 3

/* What an op reads, by what for. */
enum op_input {
    IN_DATA,     /* of the first stage */
    IN_RESIDUAL, /* OP_ADD, or fused: added to what the last stage makes before its activation */
    IN_SCALE,    /* OP_SCALE, or fused: (N, I, 1, 1), what the data is multiplied by first */
    OP_INPUTS,
};

/* What it makes. */
enum op_output {
    OUT_RESULT, /* of the last stage */
    OUT_MEAN,   /* fused: the mean of each plane of that, (N, O, 1, 1) */
    OP_OUTPUTS,
};

/* What an op does in a step. */
enum op_pass { PASS_FORWARD, PASS_BACKWARD_DATA, PASS_BACKWARD_WEIGHTS, OP_PASSES };

struct op {
    enum op_kind kind;
    const struct op_functions *functions;
    struct op_stage stages[OP_STAGES]; /* one after another; none of an OP_REORDER, several of convolutions only */
    int stage_count;
    int in[OP_INPUTS], out[OP_OUTPUTS]; /* values; -1: none */

    bool trains; /* does as in training, and its backward is run; else as in evaluation. Has then one output */
    /* Backward: write the gradient of in[i] at all (false for the plan's input: skip it), and add to what is there
     * instead of overwriting it (another consumer wrote first). Known before prepare. */
    bool wants_grad[OP_INPUTS], accumulate[OP_INPUTS];

    /* Set by prepare; all 0, false or -1 before. */
    size_t scratch_forward, scratch_backward; /* bytes free to use during that call */
    size_t saved;                             /* bytes written by forward that backward reads */
    size_t packed;                            /* bytes for what pack makes, all 0 at first, for as long as the plan */
    bool keep_in[OP_INPUTS], keep_out;        /* backward reads these values' data, or the result's */
    int share_data; /* i: the result would like in[i]'s memory (equal layouts only): forward in place */
    int share_grad; /* i: the gradient of in[i] would like that of the result: backward in place */
    /* By what a pass is done, for the benchmark's table: a primitive's or a kernel's name, valid as long as the op;
     * NULL: loops of its own. A backward of one pass is PASS_BACKWARD_DATA. */
    const char *implementation[OP_PASSES];
    /* Granted by the plan before bind. Where not granted, the addresses differ. */
    bool data_shared, grad_shared;
    bool recomputed;  /* the result is not kept for backward: it is made anew (recompute.c) */
    int recompute_at; /* then: the op before whose backward that is; else -1 */

    size_t scratch_forward_at, scratch_backward_at, saved_at; /* offsets into the arena */
    size_t packed_at;                                         /* into plan->packed */
    void *state;                                              /* the backend's own, freed by release */
};

static inline const struct op_stage *op_last(const struct op *op)
{
    return &op->stages[op->stage_count > 1 ? op->stage_count - 1 : 0];
}

/* Of an op that is no chain. */
static inline const struct layer *op_layer(const struct op *op)
{
    return op->stages[0].layer;
}

/* What is fused into it, as bits; 0: it is its layer. */
enum {
    FUSED_NORM = 1,
    FUSED_ACTIVATION = 2, /* behind any of its stages */
    FUSED_RESIDUAL = 4,
    FUSED_SCALE = 8,
    FUSED_MEAN = 16,
    FUSED_CHAIN = 32, /* several stages */
};
unsigned op_fused(const struct op *op);

/* How many of its inputs the value is. */
int op_readings(const struct op *op, int value);

/* op->state of that size, zeros; NULL with err. */
void *op_state_new(struct op *op, size_t size, struct err *err);
void op_state_free(struct op *op); /* for `release` below */
/* For prepare of an op whose passes are all done by the same. */
void op_set_implementation(struct op *op, const char *name);

/* How an op is run. forward and backward fail only for reasons outside (a library's error). */
struct op_functions {
    bool canonical;                                                    /* reads and writes canonical values only */
    int (*prepare)(struct plan *plan, struct op *op, struct err *err); /* may be NULL */
    int (*bind)(struct plan *plan, struct op *op, struct err *err);    /* may be NULL */
    int (*pack)(struct plan *plan, struct op *op, struct err *err);    /* may be NULL; weights or statistics changed */
    int (*forward)(struct plan *plan, struct op *op, struct err *err);
    int (*backward)(struct plan *plan, struct op *op, struct err *err); /* called where op->trains */
    /* Writes the result as forward did, from the inputs, all of which the op keeps, and what is saved. May be NULL. */
    int (*recompute)(struct plan *plan, struct op *op, struct err *err);
    void (*release)(struct op *op); /* may be NULL; also after a failed prepare */
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

static inline size_t value_count(const struct value *value) /* of its elements, without padding */
{
    return (size_t)value->n * (size_t)value->c * (size_t)value->h * (size_t)value->w;
}

static inline const struct value *op_input(const struct plan *plan, const struct op *op, enum op_input input)
{
    return &plan->values[op->in[input]];
}

static inline const struct value *op_result(const struct plan *plan, const struct op *op)
{
    return &plan->values[op->out[OUT_RESULT]];
}

/* Addresses, from bind on. NULL where there is none (no such value, no gradient, no scratch). Those of floats are for
 * who computes in float32, as the reference and our own loops do: the value is of that type. */
void *value_data_memory(const struct plan *plan, int value);
void *value_grad_memory(const struct plan *plan, int value);
float *value_data(const struct plan *plan, int value);
float *value_grad(const struct plan *plan, int value);
float *op_input_data(const struct plan *plan, const struct op *op, enum op_input input);
float *op_input_grad(const struct plan *plan, const struct op *op, enum op_input input);
float *op_result_data(const struct plan *plan, const struct op *op);
float *op_result_grad(const struct plan *plan, const struct op *op);
void *op_scratch_forward(const struct plan *plan, const struct op *op);
void *op_scratch_backward(const struct plan *plan, const struct op *op);
void *op_saved(const struct plan *plan, const struct op *op);
void *op_packed(const struct plan *plan, const struct op *op);

/* Where a parameter's floats and their gradient lie, canonical (shape: plan->net->params[param]). NULL for -1. */
float *param_value(const struct plan *plan, int param);
float *param_grad(const struct plan *plan, int param);

/* A convolution's weight and bias as weights_fold makes them. */
void stage_fold(const struct plan *plan, const struct op_stage *stage, float *weight, float *bias);

/* What OP_DROPOUT (index: n * C + c) and OP_STOCHASTIC_DEPTH (index: n) multiply by in this step: 0 or 1 / (1 - drop).
 */
float drop_factor(const struct plan *plan, const struct op *op, size_t index);

#endif
