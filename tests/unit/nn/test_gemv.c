/* A matrix times a vector, against the definition. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "nn/cpu/kernels/gemv_isa.h"
#include "nn/cpu/kernels/x86.h"
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

static void the_product_is_as_defined(void **state)
{
    (void)state;
    static const size_t inputs[] = { 1, 15, 16, 17, 63, 64, 65, 512, 1280 };
    const struct gemv_kernels *all[] = { NULL, NULL };
#ifdef KERNELS_X86
    all[0] = __builtin_cpu_supports("avx512f") ? &gemv_avx512 : NULL;
    all[1] = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &gemv_avx2 : NULL;
#endif
    for (size_t k = 0; k < 2; k++) {
        if (!all[k]) {
            print_message("NOT TESTED: loops of an instruction set that this CPU lacks\n");
            continue;
        }
        print_message("%s\n", all[k]->name);
        for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
            check(all[k], inputs[i]);
    }
    assert_ptr_equal(gemv_find(), all[0] ? all[0] : all[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_product_is_as_defined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
