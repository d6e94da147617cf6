/* What a backend provides to run plans. */
#ifndef DCLS_NN_BACKEND_H
#define DCLS_NN_BACKEND_H

#include "op.h"

struct backend {
    const char *name;
    /* How it runs the op; NULL: not at all. It is asked twice: of ops that would merge several layers, which are merged
     * where it would run them as one, and of each op that came of it, just before prepare. Only then are the layouts of
     * the inputs known (they look canonical before), so what it runs at first it must run in any layout. */
    const struct op_functions *(*select)(const struct plan *plan, const struct op *op);
    /* Runs what this one does not, unmerged and canonical; NULL: this one runs every op that is a layer. */
    const struct backend *fallback;
    /* plan->state and what the ops share (engine, stream); both may be NULL. spec.threads is in force by then. */
    int (*open)(struct plan *plan, struct err *err);
    void (*close)(struct plan *plan);  /* after every op's release; also after a failed open */
    void (*layout_free)(void *layout); /* NULL if it never sets one */
};

#endif
