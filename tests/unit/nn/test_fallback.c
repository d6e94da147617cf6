/* A backend of its own layout that runs few operations, the reference's table doing the rest: the plan puts reorders
 * between the two, and gradients find their way back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "dcls/nn/models.h"

/* The "mirrored" backend keeps its values back to front and knows ReLU and the sum. */
static int mirror_prepare(struct plan *plan, struct op *op, struct err *err)
{
    op->keep_out = op->kind == OP_ACTIVATION;
    if (op->kind == OP_REORDER)
        return 0;
    struct value *out = &plan->values[op->out[OUT_RESULT]];
    out->canonical = false;
    out->layout = malloc(1);
    return out->layout ? 0 : err_set(err, "out of memory");
}

/* Where element i of a value lies. */
static size_t place(const struct plan *plan, int value, size_t i)
{
    const struct value *v = &plan->values[value];
    size_t count = (size_t)v->n * (size_t)v->c * (size_t)v->h * (size_t)v->w;
    return v->layout ? count - 1 - i : i;
}

static int mirror_forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    size_t count = op_result(plan, op)->bytes / sizeof(float);
    for (size_t i = 0; i < count; i++) {
        float sum = value_data(plan, op->in[IN_DATA])[place(plan, op->in[IN_DATA], i)];
        if (op->kind == OP_ADD)
            sum += value_data(plan, op->in[IN_RESIDUAL])[place(plan, op->in[IN_RESIDUAL], i)];
        op_result_data(plan, op)[place(plan, op->out[OUT_RESULT], i)] = op->kind == OP_ACTIVATION && sum < 0 ? 0 : sum;
    }
    return 0;
}

static int mirror_backward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    size_t count = op_result(plan, op)->bytes / sizeof(float);
    for (int j = 0; j < OP_INPUTS; j++)
        for (size_t i = 0; op->wants_grad[j] && i < count; i++) {
            size_t at = place(plan, op->out[OUT_RESULT], i);
            bool passes = op->kind != OP_ACTIVATION || op_result_data(plan, op)[at] > 0;
            float *to = &value_grad(plan, op->in[j])[place(plan, op->in[j], i)];
            *to = (op->accumulate[j] ? *to : 0) + (passes ? op_result_grad(plan, op)[at] : 0);
        }
    return 0;
}

static const struct op_functions mirror = {
    .prepare = mirror_prepare,
    .forward = mirror_forward,
    .backward = mirror_backward,
};

static const struct op_functions *select_trapped(const struct plan *plan, const struct op *op)
{
    (void)plan;
    return !op_fused(op) && (op->kind == OP_ACTIVATION || op->kind == OP_ADD) ? &mirror : NULL;
}

static const struct op_functions *select_mirrored(const struct plan *plan, const struct op *op)
{
    return op->kind == OP_REORDER ? &mirror : select_trapped(plan, op);
}

static const struct backend mirrored = {
    .name = "mirrored", .select = select_mirrored, .fallback = &backend_reference, .layout_free = free
};

/* The same without a way out of its layout. */
static const struct backend trapped = {
    .name = "trapped", .select = select_trapped, .fallback = &backend_reference, .layout_free = free
};

/* In place of the program's list. */
const struct backend *const backends[] = { &backend_reference, &mirrored, &trapped, NULL };

const struct backend *backend_find(const char *name, struct err *err)
{
    for (int i = 0; backends[i]; i++)
        if (!strcmp(backends[i]->name, name))
            return backends[i];
    err_set(err, "unknown backend '%s'", name);
    return NULL;
}

static void resnet_init(struct rig *rig)
{
    struct err err = ERR_INIT;
    rig_init(rig, network_new("resnet", 5, &err), 3);
}

static void a_backend_may_leave_operations_to_the_reference(void **state)
{
    (void)state;
    struct rig rig;
    resnet_init(&rig);
    struct plan *reference = rig_plan(&rig, "reference", PLAN_TRAIN, 2, 33, NULL);
    struct plan *mixed = rig_plan(&rig, "mirrored", PLAN_TRAIN, 2, 33, NULL);
    assert_true(mixed->op_count > reference->op_count); /* by the reorders */
    rig_step(reference, 1);
    float *grad = malloc(rig.net->trainable_count * sizeof(float));
    assert_non_null(grad);
    memcpy(grad, rig.grad, rig.net->trainable_count * sizeof(float));
    memset(rig.grad, 0xff, rig.net->trainable_count * sizeof(float));
    rig_step(mixed, 1);
    assert_true(distance(plan_logits(mixed), plan_logits(reference), 2 * 5) <= 1e-6);
    rig_same_gradients(rig.net, rig.grad, grad, 1e-5);
    free(grad);
    plan_free(reference);
    plan_free(mixed);
    rig_release(&rig);
}

static void logits_in_a_layout_come_out_canonical(void **state)
{
    (void)state;
    struct net *net = calloc(1, sizeof *net);
    assert_non_null(net);
    net->type = "small";
    net->classes = 5;
    int value = net_conv(net, net_input(net, 3), "conv", 8, 3, 1, 1, 1);
    value = net_linear(net, net_global_avg_pool(net, value), "last", 5);
    net_relu(net, value);
    struct rig rig;
    rig_init(&rig, net, 3);
    struct plan *reference = rig_plan(&rig, "reference", PLAN_TRAIN, 3, 9, NULL);
    struct plan *mixed = rig_plan(&rig, "mirrored", PLAN_TRAIN, 3, 9, NULL);
    float grad[1000];
    assert_in_range(net->trainable_count, 1, 1000);
    rig_step(reference, 1);
    memcpy(grad, rig.grad, net->trainable_count * sizeof(float));
    rig_step(mixed, 1);
    assert_memory_equal(plan_logits(mixed), plan_logits(reference), 3 * 5 * sizeof(float));
    rig_same_gradients(net, rig.grad, grad, 1e-6);
    plan_free(reference);
    plan_free(mixed);
    rig_release(&rig);
}

static void a_backend_that_cannot_reorder_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    struct err err = ERR_INIT;
    resnet_init(&rig);
    struct plan_spec spec = { .mode = PLAN_EVAL, .batch = 1, .image_size = 33, .threads = 1, .backend = &trapped };
    assert_null(plan_new(rig.net, rig.weights, NULL, &spec, NULL, &err));
    assert_string_equal(err.text, "the backend 'trapped' cannot give up its layouts");
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backend_may_leave_operations_to_the_reference),
        cmocka_unit_test(logits_in_a_layout_come_out_canonical),
        cmocka_unit_test(a_backend_that_cannot_reorder_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
