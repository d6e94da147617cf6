/* See backend.h. */
#include <stdlib.h>

#include "backend.h"

#include "nn/cpu/onednn/primitive.h"
#include "nn/ops/reference.h"
#include "select.h"

static int open_backend(struct plan *plan, struct err *err)
{
    struct onednn *onednn = plan->state = calloc(1, sizeof *onednn);
    if (!onednn)
        return err_set(err, "out of memory for a plan");
    if (onednn_check(dnnl_engine_create(&onednn->engine, dnnl_cpu, 0), "a CPU engine", err))
        return -1;
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    onednn->block = (isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core ? 16
                    : (isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2             ? 8
                                                                                 : 0;
    onednn->kernels = kernels_for_block((size_t)onednn->block);
    return onednn_check(dnnl_stream_create(&onednn->stream, onednn->engine, dnnl_stream_default_flags), "a stream",
                        err);
}

static void close_backend(struct plan *plan)
{
    struct onednn *onednn = plan->state;
    if (!onednn)
        return;
    if (onednn->stream)
        dnnl_stream_destroy(onednn->stream);
    if (onednn->engine)
        dnnl_engine_destroy(onednn->engine);
    free(onednn);
    plan->state = NULL;
}

const struct backend backend_onednn = {
    .name = "onednn",
    .select = cpu_select,
    .fallback = &backend_reference,
    .open = open_backend,
    .close = close_backend,
    .layout_free = free,
};
