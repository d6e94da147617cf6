/* The optimisers against torch.optim (PyTorch 1.13, in double): five steps on four numbers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "nn/train/optimiser.h"

enum { COUNT = 4, STEPS = 5 };

/* Starts at 1, -2, 0.5, 3; the gradient of step s is (0.5, -1, 0, 0.001) * (s + 1) * (-1)^(s / 2). */
static void check(struct optimiser_spec spec, const double expected[COUNT])
{
    struct err err = ERR_INIT;
    struct optimiser optimiser;
    assert_int_equal(optimiser_init(&optimiser, &spec, 0, COUNT, &err), 0);
    float value[COUNT] = { 1, -2, 0.5f, 3 };
    const double grad[COUNT] = { 0.5, -1, 0, 1e-3 };
    for (int s = 0; s < STEPS; s++) {
        float scaled[COUNT];
        for (int i = 0; i < COUNT; i++)
            scaled[i] = (float)(grad[i] * (s + 1) * (s / 2 % 2 ? -1 : 1));
        optimiser_step(&optimiser, value, scaled);
    }
    for (int i = 0; i < COUNT; i++)
        assert_true(fabs(value[i] - expected[i]) <= 1e-6 * fabs(expected[i]));
    assert_int_equal(optimiser.step, STEPS);
    optimiser_release(&optimiser);
}

static void adam_equals_pytorch(void **state)
{
    (void)state;
    check((struct optimiser_spec){ .kind = "adam", .learning_rate = 0.01 },
          (double[]){ 0.98483432, -1.98483432, 0.5, 2.98483446 });
}

static void adam_with_weight_decay_equals_pytorch(void **state)
{
    (void)state;
    check((struct optimiser_spec){ .kind = "adam", .learning_rate = 0.01, .weight_decay = 0.1 },
          (double[]){ 0.982617166, -1.98260495, 0.450098305, 2.95002695 });
}

static void plain_sgd_equals_pytorch(void **state)
{
    (void)state;
    check((struct optimiser_spec){ .kind = "sgd", .learning_rate = 0.1 }, (double[]){ 0.95, -1.9, 0.5, 2.9999 });
}

static void sgd_with_momentum_equals_pytorch(void **state)
{
    (void)state;
    check((struct optimiser_spec){ .kind = "sgd", .learning_rate = 0.1, .momentum = 0.9 },
          (double[]){ 0.987845, -1.97569, 0.5, 2.99997569 });
}

static void sgd_with_momentum_and_weight_decay_equals_pytorch(void **state)
{
    (void)state;
    check((struct optimiser_spec){ .kind = "sgd", .learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.1 },
          (double[]){ 0.869260705, -1.73852141, 0.435817013, 2.61489733 });
}

static void an_unknown_optimiser_is_named(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct optimiser optimiser;
    struct optimiser_spec spec = { .kind = "lion" };
    assert_int_equal(optimiser_init(&optimiser, &spec, 0, COUNT, &err), -1);
    assert_string_equal(err.text, "unknown optimizer 'lion'");
    optimiser_release(&optimiser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adam_equals_pytorch),
        cmocka_unit_test(adam_with_weight_decay_equals_pytorch),
        cmocka_unit_test(plain_sgd_equals_pytorch),
        cmocka_unit_test(sgd_with_momentum_equals_pytorch),
        cmocka_unit_test(sgd_with_momentum_and_weight_decay_equals_pytorch),
        cmocka_unit_test(an_unknown_optimiser_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
