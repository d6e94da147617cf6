/* What training makes anew in backward instead of keeping it: which values, in which order, and that nothing but memory
 * changes by it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/nn/models.h"
#include "rig.h"

enum { CLASSES = 5, CHANNELS = 16, BATCH = 3, SIZE = 24 };

/* Convolutions whose inputs have to be kept, then a batch norm and a scale of its result: small enough a part of it all
 * that both are recomputed, the second from the first. */
static struct net *chain_new(void)
{
    struct net *net = calloc(1, sizeof *net);
    assert_non_null(net);
    net->type = "chain";
    net->classes = CLASSES;
    int value = net_input(net, 3);
    for (int i = 0; i < 10; i++) {
        char name[16];
        snprintf(name, sizeof name, "conv%d", i);
        value = net_conv(net, value, name, CHANNELS, 3, 1, 1, 1);
    }
    value = net_relu(net, net_batch_norm(net, value, "norm", 1e-5f, 0.1f));
    int factors = net_conv_bias(net, net_global_avg_pool(net, value), "excite", CHANNELS, 1, 1, 0, 1);
    value = net_scale(net, value, net_activation(net, factors, ACTIVATION_SIGMOID));
    value = net_conv(net, value, "behind", CHANNELS, 3, 1, 1, 1);
    net_linear(net, net_global_avg_pool(net, value), "last", CLASSES);
    return net;
}

static int find_op(const struct plan *plan, enum op_kind kind)
{
    for (int i = 0; i < plan->op_count; i++)
        if (plan->ops[i].kind == kind)
            return i;
    fail_msg("the plan has no operation of kind %d", kind);
    return -1;
}

static void what_is_remade_from_what_is_remade_comes_after_it(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, chain_new(), 41);
    struct plan *plan = rig_plan(&rig, "onednn", PLAN_TRAIN, BATCH, SIZE, NULL);
    int norm = find_op(plan, OP_BATCH_NORM), scale = find_op(plan, OP_SCALE);
    assert_int_equal(plan->recompute_count, 2);
    assert_int_equal(plan->recomputes[0], norm);
    assert_int_equal(plan->recomputes[1], scale);
    /* Its only reader in backward is the convolution behind it, for which the batch norm's is needed, too. */
    assert_int_equal(plan->ops[scale].recompute_at, scale + 1);
    assert_int_equal(plan->ops[norm].recompute_at, scale + 1);
    plan_free(plan);
    rig_release(&rig);
}

/* The running statistics are moved by forward alone, and a second step finds all as the first did. */
static void a_step_that_remakes_equals_the_reference(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, chain_new(), 42);
    size_t stats = rig.net->running_stats_count, trained = rig.net->trainable_count;
    float *start = malloc(stats * sizeof *start), *moved = malloc(stats * sizeof *moved);
    float *grad = malloc(trained * sizeof *grad);
    assert_true(start && moved && grad);
    memcpy(start, rig.weights->running_stats, stats * sizeof *start);
    struct plan *plan = rig_plan(&rig, "reference", PLAN_TRAIN, BATCH, SIZE, NULL);
    assert_int_equal(plan->recompute_count, 0);
    double loss = rig_step(plan, 1);
    memcpy(grad, rig.grad, trained * sizeof *grad);
    memcpy(moved, rig.weights->running_stats, stats * sizeof *moved);
    plan_free(plan);
    plan = rig_plan(&rig, "onednn", PLAN_TRAIN, BATCH, SIZE, NULL);
    for (int i = 0; i < 2; i++) {
        memcpy(rig.weights->running_stats, start, stats * sizeof *start);
        memset(rig.grad, 0xff, trained * sizeof *rig.grad); /* NaN until it is written */
        assert_true(fabs(rig_step(plan, 1) - loss) <= 1e-5 * loss);
        rig_same_gradients(rig.net, rig.grad, grad, 1e-4);
        assert_true(distance(rig.weights->running_stats, moved, stats) <= 1e-5);
    }
    plan_free(plan);
    free(start);
    free(moved);
    free(grad);
    rig_release(&rig);
}

static void training_needs_less_memory_than_what_its_backward_reads(void **state)
{
    (void)state;
    for (int t = 0; network_at(t); t++) {
        struct err err = ERR_INIT;
        struct rig rig;
        rig_init(&rig, network_new(network_at(t)->name, CLASSES, &err), 43);
        struct plan *plan = rig_plan(&rig, "onednn", PLAN_TRAIN, 8, 224, NULL);
        size_t read = 0, recomputed = 0;
        bool *is_read = calloc((size_t)plan->value_count, sizeof *is_read);
        assert_non_null(is_read);
        for (int i = 0; i < plan->op_count; i++) {
            const struct op *op = &plan->ops[i];
            for (int j = 0; j < OP_INPUTS; j++)
                if (op->in[j] >= 0 && op->keep_in[j])
                    is_read[op->in[j]] = true;
            if (op->keep_out)
                is_read[op->out[OUT_RESULT]] = true;
            recomputed += op->recomputed ? op_result(plan, op)->bytes : 0;
            assert_true(!op->recomputed || op->recompute_at > i);
        }
        for (int i = 0; i < plan->value_count; i++)
            read += is_read[i] ? plan->values[i].bytes : 0;
        print_message("%s: %zu KiB read, %zu remade, the arena has %zu\n", network_at(t)->name, read >> 10,
                      recomputed >> 10, plan->arena_bytes >> 10);
        assert_true(recomputed > read / 10);
        assert_true(plan->arena_bytes < read);
        free(is_read);
        plan_free(plan);
        rig_release(&rig);
    }
}

static void nothing_is_remade_that_does_not_train(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, chain_new(), 44);
    static const enum plan_mode modes[] = { PLAN_EVAL, PLAN_TRAIN_LAST };
    for (int i = 0; i < 2; i++) {
        struct plan *plan = rig_plan(&rig, "onednn", modes[i], BATCH, SIZE, NULL);
        assert_int_equal(plan->recompute_count, 0);
        plan_free(plan);
    }
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_remade_from_what_is_remade_comes_after_it),
        cmocka_unit_test(a_step_that_remakes_equals_the_reference),
        cmocka_unit_test(training_needs_less_memory_than_what_its_backward_reads),
        cmocka_unit_test(nothing_is_remade_that_does_not_train),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
