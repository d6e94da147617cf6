/* The table of what each operation took: a row a pass, then sums. */
#ifndef DCLS_BENCH_LAYERS_H
#define DCLS_BENCH_LAYERS_H

#include <cjson/cJSON.h>

#include "dcls/nn/bench.h"

/* `seconds`: of a mean step; `threads` times `peak` is what the machine could do, `isa` how. */
struct layers {
    const struct bench *bench;
    double seconds;
    int threads;
    double peak; /* FLOP/s of one thread */
    const char *isa;
};

void layers_print(const struct layers *layers);
/* An array, the caller's; NULL where memory lacks. */
cJSON *layers_json(const struct layers *layers);

#endif
