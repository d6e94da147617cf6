/* plan->state of this backend: oneDNN's engine and stream, and what the CPU has. */
#ifndef DCLS_NN_CPU_ENGINE_H
#define DCLS_NN_CPU_ENGINE_H

#include "api.h"
#include "nn/cpu/kernels/kernels.h"
#include "nn/graph/op.h"

struct engine {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    /* The channels of a block in the layouts that its kernels like: 16 with AVX-512, 8 with AVX2. 0 without, where
     * there are none for blocked layouts in training. */
    int block;
    const struct kernels *kernels; /* our own loops for those blocks, or the plain ones */
};

static inline const struct engine *engine_of(const struct plan *plan)
{
    return plan->state;
}

/* For struct backend. */
int engine_open(struct plan *plan, struct err *err);
void engine_close(struct plan *plan);

/* -1 and err where `status` is no success; `what` says what was tried. */
int engine_check(dnnl_status_t status, const char *what, struct err *err);

#endif
