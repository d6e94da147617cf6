/* How fast the engine is on this machine: steps on synthetic images, timed one by one.
 *
 * A step of training is the one that the training loop makes, the optimiser's step with Adam included. bench_new
 * compiles, bench_run first makes steps that are not timed, which bind and pack what later steps reuse. */
#ifndef DCLS_NN_BENCH_H
#define DCLS_NN_BENCH_H

#include <stdbool.h>

#include "dcls/base/err.h"

struct bench_spec {
    bool train;          /* else inference: forward in evaluation mode */
    const char *type;    /* "resnet", … (dcls/nn/models.h) */
    const char *backend; /* "onednn" | "reference" */
    int classes, batch_size, image_size;
    int threads;  /* below 1: cpus_usable() */
    bool profile; /* times every op too, for bench_op */
};

/* The backends that this program has, the default one first; NULL behind the last. */
const char *bench_backend(int index);

struct bench;
/* NULL with err: an unknown type or backend, sizes that no plan takes, no memory. */
struct bench *bench_new(const struct bench_spec *spec, struct err *err);
void bench_free(struct bench *bench);
int bench_threads(const struct bench *bench);

/* Times `steps` of them into seconds[]. */
int bench_run(struct bench *bench, int steps, double *seconds, struct err *err);

/* What a layer, or several that were fused into one op, took in the steps of bench_run. */
struct bench_pass {
    double seconds;          /* mean of a step */
    double flop;             /* of a step, by definition; 0: not counted, it is bound by memory */
    char implementation[96]; /* oneDNN's name, or ours */
};
struct bench_op {
    char layer[96];                      /* "layer1.0.conv1"; empty without parameters */
    char operation[96];                  /* "conv 3x3/2 64>128 28x28" */
    struct bench_pass forward, backward; /* backward all 0 of inference */
};
/* How many (0 without spec.profile), in forward order, and one of them. */
int bench_ops(const struct bench *bench);
void bench_op(const struct bench *bench, int index, struct bench_op *op);

#endif
