/* See dcls/nn/bench.h. */
#include "dcls/nn/bench.h"

#include <stdlib.h>
#include <string.h>

#include "backends.h"
#include "dcls/nn/models.h"
#include "dcls/base/clock.h"
#include "nn/graph/backend.h"
#include "nn/graph/describe.h"
#include "nn/graph/plan.h"
#include "nn/train/optimiser.h"
#include "rng.h"
#include "nn/train/step.h"

#define WARM_UP_TRAIN 1 /* steps that are not timed, as many as of the peers */
#define WARM_UP_INFER 3
#define SEED 1
#define LEARNING_RATE 0.001

struct bench {
    struct bench_spec spec;
    struct net *net;
    struct weights *weights;
    float *grad;   /* of training only, as the labels and the optimiser */
    float *images; /* (N, 3, S, S), normal numbers */
    int *labels;   /* (N) */
    struct optimiser optimiser;
    struct plan *plan;
    struct op_time *times; /* of the plan's ops, with spec.profile */
    int steps;             /* that are in them */
};

const char *bench_backend(int index)
{
    return backends[index] ? backends[index]->name : NULL;
}

static int prepare_training(struct bench *bench, struct err *err)
{
    const struct bench_spec *spec = &bench->spec;
    struct optimiser_spec adam = { .kind = "adam", .learning_rate = LEARNING_RATE };
    if (!(bench->grad = grad_new(bench->net, err)))
        return -1;
    bench->labels = calloc((size_t)spec->batch_size, sizeof *bench->labels);
    if (!bench->labels)
        return err_set(err, "no memory to train '%s'", spec->type);
    for (int i = 0; i < spec->batch_size; i++)
        bench->labels[i] = (int)(rng_uniform(SEED, 1, (uint64_t)i) * spec->classes);
    return optimiser_init(&bench->optimiser, &adam, 0, bench->net->trainable_count, err);
}

static int prepare(struct bench *bench, struct err *err)
{
    const struct bench_spec *spec = &bench->spec;
    if (!(bench->net = network_new(spec->type, spec->classes, err)) ||
        !(bench->weights = weights_new(bench->net, err)) || (spec->train && prepare_training(bench, err)))
        return -1;
    weights_init(bench->net, bench->weights, SEED);
    /* Before the images: the plan refuses sizes that are none. */
    struct plan_spec plan = { .mode = spec->train ? PLAN_TRAIN : PLAN_EVAL,
                              .batch = spec->batch_size,
                              .image_size = spec->image_size,
                              .threads = spec->threads,
                              .backend = backend_find(spec->backend, err) };
    if (!plan.backend || !(bench->plan = plan_new(bench->net, bench->weights, bench->grad, &plan, NULL, err)))
        return -1;
    if (spec->profile) {
        bench->times = calloc((size_t)bench->plan->op_count, sizeof *bench->times);
        if (!bench->times)
            return err_set(err, "no memory for the times of %d operations", bench->plan->op_count);
    }
    size_t count = value_count(&bench->plan->values[bench->plan->input]);
    if (!(bench->images = malloc(floats_bytes(count))))
        return err_set(err, "no memory for %d images of %d pixels", spec->batch_size, spec->image_size);
    for (size_t i = 0; i < count; i++)
        bench->images[i] = (float)rng_normal(SEED, 2, i);
    return 0;
}

struct bench *bench_new(const struct bench_spec *spec, struct err *err)
{
    struct bench *bench = calloc(1, sizeof *bench);
    if (!bench) {
        err_set(err, "no memory for a benchmark");
        return NULL;
    }
    bench->spec = *spec;
    if (!prepare(bench, err))
        return bench;
    bench_free(bench);
    return NULL;
}

void bench_free(struct bench *bench)
{
    if (!bench)
        return;
    plan_free(bench->plan);
    optimiser_release(&bench->optimiser);
    free(bench->times);
    free(bench->images);
    free(bench->labels);
    grad_free(bench->net, bench->grad);
    weights_free(bench->weights);
    net_free(bench->net);
    free(bench);
}

int bench_threads(const struct bench *bench)
{
    return bench->plan->spec.threads;
}

static int step(struct bench *bench, struct err *err)
{
    struct step_result result;
    if (!bench->spec.train)
        return step_forward(bench->plan, bench->images, err);
    if (step_train(bench->plan, bench->images, bench->labels, &bench->optimiser, bench->weights, bench->grad, &result,
                   err))
        return -1;
    plan_weights_changed(bench->plan);
    return 0;
}

int bench_run(struct bench *bench, int steps, double *seconds, struct err *err)
{
    int warm_up = bench->spec.train ? WARM_UP_TRAIN : WARM_UP_INFER;
    for (int i = -warm_up; i < steps; i++) {
        if (i == 0)
            bench->plan->profile = bench->times;
        double start = clock_seconds();
        if (step(bench, err))
            return -1;
        if (i >= 0)
            seconds[i] = clock_seconds() - start;
    }
    bench->plan->profile = NULL;
    bench->steps += steps;
    return 0;
}

int bench_ops(const struct bench *bench)
{
    return bench->times ? bench->plan->op_count : 0;
}

static void tell_pass(const struct bench *bench, int index, bool backward, double seconds, struct bench_pass *pass)
{
    const struct op *op = &bench->plan->ops[index];
    pass->seconds = bench->steps ? seconds / bench->steps : 0;
    pass->flop = describe_flop(bench->plan, op, backward);
    describe_implementation(op, backward, pass->implementation, sizeof pass->implementation);
}

void bench_op(const struct bench *bench, int index, struct bench_op *op)
{
    *op = (struct bench_op){ 0 };
    describe_layer(bench->plan, &bench->plan->ops[index], op->layer, sizeof op->layer);
    describe_op(bench->plan, &bench->plan->ops[index], op->operation, sizeof op->operation);
    tell_pass(bench, index, false, bench->times[index].forward, &op->forward);
    if (bench->spec.train)
        tell_pass(bench, index, true, bench->times[index].backward, &op->backward);
}
