/* What a plan looks like from inside, and what a backend provides to run it.
 *
 * plan_new turns the layers of a net into a list of ops over values, fuses those that the backend asked for, and then,
 * op by op in forward order, calls prepare. All sizes being known, it lays values, gradients, saved data and scratch
 * out in the arena by liveness. A step then runs:
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
 * layout of its output. Ops that another backend runs (see struct backend) are `canonical`: where their input is not,
 * the plan puts an OP_REORDER in front; likewise behind the logits.
 *
 * Weights and their gradients are canonical in weights->params and plan->grad (param_value, param_grad); a backend
 * may keep packed copies (op_packed), which pack refreshes. */
#ifndef DCLS_NN_BACKEND_H
#define DCLS_NN_BACKEND_H

#include "op.h"

struct backend {
    const char *name;
    /* The fusions that it asks for; activations as bits, 1 << ACTIVATION_…. */
    bool folds;                /* not training: batch norm into the conv before it, then the sum behind that */
    unsigned conv_activations; /* not training: into the conv before them */
    unsigned norm_activations; /* into the batch norm before them */
    unsigned add_activations;  /* into the sum before them */
    /* Not training: convolutions with what was fused into them by then. NULL: never. */
    bool (*expands)(const struct plan *plan, const struct op *expansion,
                    const struct op *depthwise); /* 1x1 before dw */
    bool (*projects)(const struct plan *plan, const struct op *depthwise, const struct op *projection); /* 1x1 behind */
    bool (*pools)(const struct plan *plan, const struct op *conv); /* the average of what it makes */
    bool (*scales)(const struct plan *plan, const struct op *loader_worker,
                   const struct op *conv); /* what maker makes for it */
    /* plan->state and what the ops share (engine, stream); both may be NULL. spec.threads is in force by then. */
    int (*open)(struct plan *plan, struct err *err);
    void (*close)(struct plan *plan);         /* after every op's release; also after a failed open */
    void (*layout_free)(void *layout);        /* NULL if it never sets one */
    const struct op_functions *ops[OP_KINDS]; /* NULL: the reference backend's */
};

/* The backends of this program, NULL-ended (backend.c), and one by name (NULL with err). */
extern const struct backend *const backends[];
extern const struct backend backend_reference; /* ops/reference.c */
extern const struct backend backend_onednn;    /* onednn/ */
const struct backend *backend_find(const char *name, struct err *err);

#endif
