/* A matrix times a vector, against the definition. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "each_kernels.h"
#include "rig.h"

static void check(const struct gemv_kernels *kernels, size_t inputs)
{
    enum { OUTPUTS = 5 };
    float *weights = malloc(OUTPUTS * inputs * sizeof(float)), *in = malloc(inputs * sizeof(float));
    float bias[OUTPUTS], out[OUTPUTS] = { 0 };
    assert_true(weights && in);
    rig_fill(weights, OUTPUTS * inputs, 1);
    rig_fill(in, inputs, 2);
    rig_fill(bias, OUTPUTS, 3);
    kernels->run(weights, inputs, in, bias, 1, 4, out);
    assert_true(out[0] == 0 && out[4] == 0);
    for (size_t o = 1; o < 4; o++) {
        double truth = (double)bias[o];
        for (size_t i = 0; i < inputs; i++)
            truth += (double)weights[o * inputs + i] * (double)in[i];
        if (!(fabs((double)out[o] - truth) < 1e-4))
            fail_msg("%s: %zu inputs: %g, not %g", kernels->name, inputs, (double)out[o], truth);
    }
    free(weights);
    free(in);
}

static void check_sizes(const struct kernels *kernels)
{
    static const size_t inputs[] = { 1, 15, 16, 17, 63, 64, 65, 512, 1280 };
    for (size_t i = 0; kernels->gemv && i < sizeof inputs / sizeof *inputs; i++)
        check(kernels->gemv, inputs[i]);
}

static void the_product_is_as_defined(void **state)
{
    (void)state;
    each_kernels(check_sizes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_product_is_as_defined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
