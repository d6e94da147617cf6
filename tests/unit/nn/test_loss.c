/* The loss and the learning rate's schedule against PyTorch's numbers (torch.nn.functional.cross_entropy in double,
 * torch.optim.lr_scheduler). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "nn/graph/loss.h"
#include "nn/train/schedule.h"

static void check_loss(const struct loss_spec *spec, double expected, const double gradient[12])
{
    static const float logits[] = { 1.5f, -0.5f, 2.0f, 0.25f, 0.0f, 3.0f, -1.0f, 0.5f, -2.0f, 0.1f, 0.3f, 4.0f };
    float dlogits[12];
    int correct;
    double loss = softmax_cross_entropy(logits, 3, 4, (int[]){ 2, 0, 3 }, spec, dlogits, &correct);
    assert_true(fabs(loss - expected) < 1e-7);
    assert_int_equal(correct, 2);
    for (int i = 0; i < 12; i++)
        assert_true(fabs((double)dlogits[i] - gradient[i]) < 1e-7);
}

static void smoothed_cross_entropy_equals_pytorch(void **state)
{
    (void)state;
    check_loss(&(struct loss_spec){ .smoothing = 0.1 }, 1.401462880,
               (double[]){ 0.100224450, 0.006358365, -0.129351807, 0.022768992, -0.293904654, 0.281474436, -0.003025319,
                           0.015455537, -0.007544508, -0.001891650, -0.000465444, 0.009901601 });
}

static void weighted_cross_entropy_equals_pytorch(void **state)
{
    (void)state;
    static const float weights[] = { 0.5f, 2.0f, 1.25f, 0.75f };
    check_loss(&(struct loss_spec){ .weights = weights }, 0.952821156,
               (double[]){ 0.162836675, 0.022037547, -0.231527711, 0.046653488, -0.191342792, 0.173884662, 0.003184809,
                           0.014273322, 0.000709943, 0.005797515, 0.007081101, -0.013588559 });
    check_loss(&(struct loss_spec){ .smoothing = 0.1, .weights = weights }, 1.197530279,
               (double[]){ 0.156208308, 0.001817172, -0.196712434, 0.038686954, -0.175260642, 0.175620244, -0.008917090,
                           0.008557487, -0.004254560, -0.013912609, -0.005064844, 0.023232013 });
}

static void check_schedule(const char *kind, int warmup, const double rates[8])
{
    const struct schedule schedule = { kind, 8, warmup };
    struct err err = ERR_INIT;
    assert_int_equal(schedule_check(&schedule, &err), 0);
    for (int epoch = 1; epoch <= 8; epoch++)
        assert_true(fabs(0.1 * schedule_factor(&schedule, epoch) - rates[epoch - 1]) < 1e-9);
}

static void learning_rates_equal_pytorchs(void **state)
{
    (void)state;
    check_schedule("none", 0, (double[]){ 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1 });
    check_schedule(
        "cosine", 0,
        (double[]){ 0.1, 0.096193977, 0.085355339, 0.069134172, 0.05, 0.030865828, 0.014644661, 0.003806023 });
    check_schedule("step", 0, (double[]){ 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001 });
    check_schedule("cosine", 2,
                   (double[]){ 0.033333333, 0.066666667, 0.1, 0.093301270, 0.075, 0.05, 0.025, 0.006698730 });
}

static void schedules_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_int_equal(schedule_check(&(struct schedule){ "exponential", 8, 0 }, &err), -1);
    assert_string_equal(err.text, "unknown scheduler 'exponential'");
    assert_int_equal(schedule_check(&(struct schedule){ "none", 8, 8 }, &err), -1);
    assert_int_equal(schedule_check(&(struct schedule){ "none", 8, -1 }, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smoothed_cross_entropy_equals_pytorch),
        cmocka_unit_test(weighted_cross_entropy_equals_pytorch),
        cmocka_unit_test(learning_rates_equal_pytorchs),
        cmocka_unit_test(schedules_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
