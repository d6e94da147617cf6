/* See engine.h. */
#include "engine.h"

#include <oneapi/dnnl/dnnl_debug.h>
#include <stdlib.h>

int engine_check(dnnl_status_t status, const char *what, struct err *err)
{
    return status == dnnl_success ? 0 : err_set(err, "oneDNN cannot make or run %s: %s", what, dnnl_status2str(status));
}

static int block_of(dnnl_cpu_isa_t isa)
{
    if ((isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core)
        return 16;
    return (isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2 ? 8 : 0;
}

int engine_open(struct plan *plan, struct err *err)
{
    struct engine *engine = plan->state = calloc(1, sizeof *engine);
    if (!engine)
        return err_set(err, "out of memory for a plan");
    engine->block = block_of(dnnl_get_effective_cpu_isa());
    engine->kernels = kernels_for_block((size_t)engine->block);
    if (engine_check(dnnl_engine_create(&engine->engine, dnnl_cpu, 0), "a CPU engine", err))
        return -1;
    return engine_check(dnnl_stream_create(&engine->stream, engine->engine, dnnl_stream_default_flags), "a stream",
                        err);
}

void engine_close(struct plan *plan)
{
    struct engine *engine = plan->state;
    if (!engine)
        return;
    if (engine->stream)
        dnnl_stream_destroy(engine->stream);
    if (engine->engine)
        dnnl_engine_destroy(engine->engine);
    free(engine);
    plan->state = NULL;
}
