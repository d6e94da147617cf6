/* The fast backend: oneDNN, and loops of our own where they are faster. */
#include <stdlib.h>

#include "nn/cpu/onednn/engine.h"
#include "nn/ops/ops.h"
#include "ops.h"

const struct backend backend_onednn = {
    .name = "onednn",
    .select = cpu_select,
    .fallback = &backend_reference,
    .open = engine_open,
    .close = engine_close,
    .layout_free = free,
};
