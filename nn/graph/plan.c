/* A plan's life: made by compiling, run op by op. */
#include <assert.h>
#include <omp.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "plan.h"

#include "backend.h"
#include "compile.h"
#include "dcls/base/clock.h"
#include "dcls/base/cpus.h"
#include "loss.h"

/* Denormals are worth nothing here and cost a hundred cycles each. The mode belongs to a thread. */
static void flush_denormals(void)
{
#ifdef __SSE__
#pragma omp parallel
    _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
}

struct plan *plan_new(const struct net *net, struct weights *weights, float *grad, const struct plan_spec *spec,
                      struct arena *arena, struct err *err)
{
    struct plan *plan = calloc(1, sizeof *plan);
    if (!plan) {
        err_set(err, "out of memory for a plan");
        return NULL;
    }
    *plan = (struct plan){ .net = net,
                           .weights = weights,
                           .grad = grad,
                           .spec = *spec,
                           .arena = arena ? arena : arena_new(),
                           .owns_arena = !arena,
                           .packed = arena_new() };
    if (!plan->arena || !plan->packed) {
        err_set(err, "out of memory for a plan");
        goto fail;
    }
    if (plan->spec.threads < 1)
        plan->spec.threads = cpus_usable();
    omp_set_num_threads(plan->spec.threads);
    flush_denormals();
    if (spec->backend->open && spec->backend->open(plan, err))
        goto fail;
    if (plan_compile(plan, err))
        goto fail;
    return plan;
fail:
    plan_free(plan);
    return NULL;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    for (int i = 0; i < plan->op_count; i++)
        if (plan->ops[i].functions->release)
            plan->ops[i].functions->release(&plan->ops[i]);
    for (int i = 0; i < plan->value_count; i++)
        if (plan->values[i].layout)
            plan->spec.backend->layout_free(plan->values[i].layout);
    if (plan->spec.backend->close)
        plan->spec.backend->close(plan);
    if (plan->owns_arena)
        arena_free(plan->arena);
    arena_free(plan->packed);
    free(plan->recomputes);
    free(plan->values);
    free(plan->ops);
    free(plan);
}

float *plan_input(struct plan *plan)
{
    return value_data(plan, plan->input);
}

const float *plan_logits(struct plan *plan)
{
    return value_data(plan, plan->logits);
}

void plan_weights_changed(struct plan *plan)
{
    bool all = plan->spec.mode != PLAN_TRAIN_LAST || plan->fresh == PACKED_NOTHING;
    plan->fresh = all ? PACKED_NOTHING : PACKED_FIXED;
}

void plan_set_step(struct plan *plan, uint64_t step)
{
    plan->step = step;
}

/* Another plan may have moved the arena or set another number of threads since the last step. */
static int make_ready(struct plan *plan, struct err *err)
{
    if (omp_get_max_threads() != plan->spec.threads)
        omp_set_num_threads(plan->spec.threads);
    if (plan->bound != plan->arena->generation) {
        for (int i = 0; i < plan->op_count; i++) {
            struct op *op = &plan->ops[i];
            if (op->functions->bind && op->functions->bind(plan, op, err))
                return -1;
        }
        plan->bound = plan->arena->generation;
    }
    for (int i = 0; i < plan->op_count && plan->fresh != PACKED_ALL; i++) {
        struct op *op = &plan->ops[i];
        bool stale = plan->fresh == PACKED_NOTHING || op->trains;
        if (stale && op->functions->pack && op->functions->pack(plan, op, err))
            return -1;
    }
    plan->fresh = PACKED_ALL;
    return 0;
}

static int run_op(struct plan *plan, int i, int (*run)(struct plan *plan, struct op *op, struct err *err),
                  bool backward, struct err *err)
{
    struct op_time *time = plan->profile ? &plan->profile[i] : NULL;
    double start = time ? clock_seconds() : 0;
    if (run(plan, &plan->ops[i], err))
        return -1;
    if (time)
        *(backward ? &time->backward : &time->forward) += clock_seconds() - start;
    return 0;
}

int plan_forward(struct plan *plan, struct err *err)
{
    if (make_ready(plan, err))
        return -1;
    for (int i = 0; i < plan->op_count; i++)
        if (run_op(plan, i, plan->ops[i].functions->forward, false, err))
            return -1;
    return 0;
}

double plan_loss(struct plan *plan, const int *labels, int *correct)
{
    const struct loss_spec spec = { .smoothing = plan->spec.label_smoothing, .weights = plan->spec.class_weights };
    return softmax_cross_entropy(plan_logits(plan), plan->spec.batch, plan->net->classes, labels, &spec,
                                 value_grad(plan, plan->logits), correct);
}

/* What the backward of op `at` reads and was not kept; `next` in plan->recomputes moves along. */
static int recompute(struct plan *plan, int at, int *next, struct err *err)
{
    for (; *next < plan->recompute_count && plan->ops[plan->recomputes[*next]].recompute_at == at; ++*next) {
        int i = plan->recomputes[*next];
        if (run_op(plan, i, plan->ops[i].functions->recompute, true, err))
            return -1;
    }
    return 0;
}

int plan_backward(struct plan *plan, struct err *err)
{
    if (plan->spec.mode == PLAN_EVAL)
        return err_set(err, "a plan for evaluation has no backward");
    assert(plan->bound == plan->arena->generation); /* by the forward before, whose results it reads */
    int recomputed = 0;
    for (int i = plan->op_count - 1; i >= 0; i--) {
        struct op *op = &plan->ops[i];
        if (recompute(plan, i, &recomputed, err))
            return -1;
        if (!op->trains || plan->values[op->out[OUT_RESULT]].grad == SIZE_MAX)
            continue;
        if (run_op(plan, i, op->functions->backward, true, err))
            return -1;
    }
    return 0;
}
