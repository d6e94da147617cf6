/* The engine's benchmark: every type, mode and backend gives times, and what cannot be measured is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dcls/base/clock.h"
#include "dcls/nn/bench.h"
#include "dcls/nn/models.h"
#include "nn/cpu/kernels/kernels.h"

enum { STEPS = 3 };

static void every_type_is_timed_in_both_modes_on_every_backend(void **state)
{
    (void)state;
    assert_string_equal(network_at(0)->name, "resnet");
    assert_string_equal(bench_backend(0), "onednn");
    for (int t = 0; network_at(t); t++)
        for (int b = 0; bench_backend(b); b++)
            for (int train = 0; train < 2; train++) {
                struct err err = ERR_INIT;
                struct bench_spec spec = { .train = train,
                                           .type = network_at(t)->name,
                                           .backend = bench_backend(b),
                                           .classes = 3,
                                           .batch_size = 2,
                                           .image_size = 33,
                                           .threads = 1 };
                struct bench *bench = bench_new(&spec, &err);
                if (!bench)
                    fail_msg("%s", err.text);
                double seconds[STEPS], start = clock_seconds(), sum = 0;
                assert_int_equal(bench_run(bench, STEPS, seconds, &err), 0);
                double all = clock_seconds() - start;
                for (int i = 0; i < STEPS; i++) {
                    assert_true(seconds[i] > 0);
                    sum += seconds[i];
                }
                assert_true(sum < all);
                assert_int_equal(bench_threads(bench), 1);
                bench_free(bench);
            }
}

static void the_times_of_the_operations_are_part_of_the_steps(void **state)
{
    (void)state;
    for (int train = 0; train < 2; train++) {
        struct err err = ERR_INIT;
        struct bench_spec spec = { .train = train,
                                   .type = "resnet",
                                   .backend = "onednn",
                                   .classes = 3,
                                   .batch_size = 2,
                                   .image_size = 33,
                                   .threads = 1,
                                   .profile = true };
        struct bench *bench = bench_new(&spec, &err);
        if (!bench)
            fail_msg("%s", err.text);
        double seconds[STEPS], steps = 0, ops = 0;
        assert_int_equal(bench_run(bench, STEPS, seconds, &err), 0);
        for (int i = 0; i < STEPS; i++)
            steps += seconds[i] / STEPS;
        assert_true(bench_ops(bench) > 20);
        for (int i = 0; i < bench_ops(bench); i++) {
            struct bench_op op;
            bench_op(bench, i, &op);
            assert_true(op.forward.seconds > 0 && *op.forward.implementation);
            assert_true(train ? op.backward.seconds > 0 && *op.backward.implementation : op.backward.seconds == 0);
            ops += op.forward.seconds + op.backward.seconds;
        }
        assert_true(ops <= steps);
        bench_free(bench);
    }
}

static void resnet_18_takes_its_papers_operations(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct bench_spec spec = { .train = true,
                               .type = "resnet",
                               .backend = "onednn",
                               .classes = 1000,
                               .batch_size = 2,
                               .image_size = 224,
                               .threads = 1,
                               .profile = true };
    struct bench *bench = bench_new(&spec, &err);
    if (!bench)
        fail_msg("%s", err.text);
    double forward = 0, backward = 0;
    struct bench_op op;
    for (int i = 0; i < bench_ops(bench); i++) {
        bench_op(bench, i, &op);
        forward += op.forward.flop;
        backward += op.backward.flop;
    }
    /* He et al. 2015, table 1: 1.8e9 multiply-adds an image; backward is twice that but for the first layer's data. */
    double image = forward / 2 / 2;
    assert_true(image > 1.81e9 && image < 1.82e9);
    assert_true(backward > 1.9 * forward && backward < 2 * forward);
    bench_op(bench, 0, &op);
    assert_string_equal(op.layer, "conv1");
    assert_string_equal(op.operation, "conv 7x7/2 3>64 112x112");
    assert_true(op.forward.flop == 2.0 * 2 * 64 * 112 * 112 * 3 * 7 * 7 && op.backward.flop == op.forward.flop);
    bench_op(bench, 1, &op);
    assert_string_equal(op.operation, "norm 64 112x112+relu");
    assert_true(op.forward.flop == 0);
    bench_op(bench, bench_ops(bench) - 1, &op);
    assert_string_equal(op.operation, "linear 512>1000");
    bench_free(bench);
}

static double forward_flop(const char *type, const char *backend, bool *has_chain)
{
    struct err err = ERR_INIT;
    struct bench_spec spec = { .type = type,
                               .backend = backend,
                               .classes = 10,
                               .batch_size = 2,
                               .image_size = 96,
                               .threads = 1,
                               .profile = true };
    struct bench *bench = bench_new(&spec, &err);
    if (!bench)
        fail_msg("%s", err.text);
    double flop = 0;
    *has_chain = false;
    for (int i = 0; i < bench_ops(bench); i++) {
        struct bench_op op;
        bench_op(bench, i, &op);
        flop += op.forward.flop;
        *has_chain |= !strncmp(op.operation, "convs 1x1+dw 3x3", 16);
    }
    bench_free(bench);
    return flop;
}

static void fused_operations_count_as_what_they_are_made_of(void **state)
{
    (void)state;
    for (int t = 0; network_at(t); t++) {
        const char *name = network_at(t)->name;
        bool fused, unfused;
        assert_true(forward_flop(name, "onednn", &fused) == forward_flop(name, "reference", &unfused));
        assert_false(unfused);
        if (!strcmp(name, "mobilenet"))
            assert_int_equal(fused, !!kernels_up_to(ISA_BEST)->conv_1x1);
    }
}

static void what_cannot_be_measured_is_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        struct bench_spec spec;
        const char *text;
    } cases[] = {
        { { false, "alexnet", "onednn", 3, 1, 32, 1, false }, "unknown network 'alexnet'" },
        { { false, "resnet", "abacus", 3, 1, 32, 1, false }, "unknown backend 'abacus'" },
        { { true, "resnet", "onednn", 3, 65536, 8192, 1, false },
          "a batch of 65536 images of 8192 pixels is too large" },
        { { true, "resnet", "onednn", 3, 1, 32, 1, false },
          "batch norm needs more than one value a channel: a batch of 1 images of 32 pixels is too small to train on" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = ERR_INIT;
        assert_null(bench_new(&cases[i].spec, &err));
        assert_string_equal(err.text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_timed_in_both_modes_on_every_backend),
        cmocka_unit_test(the_times_of_the_operations_are_part_of_the_steps),
        cmocka_unit_test(resnet_18_takes_its_papers_operations),
        cmocka_unit_test(fused_operations_count_as_what_they_are_made_of),
        cmocka_unit_test(what_cannot_be_measured_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
